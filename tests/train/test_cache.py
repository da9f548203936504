"""Files in a bounded cache: whole or absent, brought by one process, whoever is killed meanwhile."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from entitynet_train.cache import Cache
from entitynet_train.spec import SpecError

REPOSITORY = Path(__file__).parents[2]
BRINGS = """
import sys, time
from pathlib import Path
from entitynet_train.cache import Cache
folder, stops = Path(sys.argv[1]), sys.argv[2] == "stops"

def chunks():
    with (folder / "asked").open("a") as file:
        file.write("x")
    yield b"a" * 500
    print("half", flush=True)
    time.sleep(60 if stops else 0.3)
    yield b"b" * 500

path = Cache(folder, 10_000).bring("key", 1000, chunks)
print(len(path.read_bytes()), flush=True)
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYNET_CACHE", str(tmp_path))
    monkeypatch.setenv("ENTITYNET_CACHE_GB", "0.00001")
    made = Cache.of_environment()
    assert made
    return made


def names(cache):
    return sorted(path.name for path in (cache.folder / "files").iterdir())


def process(cache, how):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", BRINGS, str(cache.folder), how]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def of(size):
    return lambda: iter([bytes(size)])


def test_what_came_first_goes_first_and_what_is_spared_stays(cache):
    for number, key in enumerate("abc"):
        path = cache.bring(key, 3000, of(3000))
        os.utime(path, (number, number))
    assert cache.bring("d", 3000, of(3000), frozenset("a"))
    assert names(cache) == ["a", "c", "d"]
    assert cache.bring("e", 9000, of(9000), frozenset("a")) is None
    assert cache.bring("f", 20_000, of(20_000)) is None
    assert cache.held("a")
    assert cache.held("e") is None


def test_a_file_whose_coming_fails_is_absent(cache):
    def chunks():
        yield b"half"
        raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        cache.bring("key", 8, chunks)
    assert names(cache) == []


def test_two_processes_bring_a_file_once(cache):
    both = [process(cache, "goes on") for _ in range(2)]
    said = [one.communicate(timeout=60)[0].split() for one in both]
    assert [words[-1] for words in said] == ["1000", "1000"]
    assert (cache.folder / "asked").read_text() == "x"


def test_a_process_that_is_killed_leaves_no_file_and_no_lock(cache):
    one = process(cache, "stops")
    assert one.stdout
    assert one.stdout.readline() == "half\n"
    assert names(cache) == ["key.part"]
    assert cache.bring("other", 9500, of(9500), frozenset({"key"})) is None  # a file that is coming is not dropped
    one.send_signal(signal.SIGKILL)
    one.wait()
    one.stdout.close()
    assert cache.held("key") is None
    assert cache.bring("key", 1000, of(1000)).read_bytes() == bytes(1000)
    assert names(cache) == ["key"]


def test_what_a_killed_process_left_makes_room(cache):
    (cache.folder / "files" / "old.part").write_bytes(bytes(9000))
    assert cache.bring("new", 5000, of(5000))
    assert names(cache) == ["new"]


def test_a_full_disk_is_told_with_its_remedy(cache):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(
            SpecError, match=r"ENTITYNET_CACHE: .* at 5000 bytes more, .* GB are free; allowed: .*CACHE_GB"
        ):
            cache.bring("key", 5000, of(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(cache) == []


def test_a_bound_that_is_no_number_and_a_folder_that_is_a_file_are_named(cache, monkeypatch):
    monkeypatch.setenv("ENTITYNET_CACHE_GB", "much")
    with pytest.raises(SpecError, match="ENTITYNET_CACHE_GB: found 'much'; allowed: gigabytes"):
        Cache.of_environment()
    (cache.folder / "file").write_text("")
    monkeypatch.setenv("ENTITYNET_CACHE", str(cache.folder / "file"))
    with pytest.raises(SpecError, match=r"ENTITYNET_CACHE: .*; allowed: a folder"):
        Cache.of_environment()
