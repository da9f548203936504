"""Decoders: whatever a picture does to the process that decodes it, the run goes on; nothing is left behind by a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from entitynet_assets.decoders import Decoders, Limits
from entitynet_assets.pictures import Kept, Picture, PictureError, read_picture
from entitynet_assets.resources import open_decoders
from entitynet_assets.studies.models import StudyError
from tests.fakes.rooms import REPOSITORY
from tests.test_pictures import drawn, saved

KEPT = Kept(32)
SOUND = saved(drawn(), "JPEG")
BAD_DECODER = (sys.executable, "-m", "tests.fakes.bad_decoder")


@pytest.fixture
def make() -> Iterator[Callable[..., Decoders]]:
    made: list[Decoders] = []

    def build(count: int = 1, command: tuple[str, ...] | None = None, **limits: float) -> Decoders:
        made.append(Decoders(count, Limits(**limits), command) if command else Decoders(count, Limits(**limits)))
        return made[-1]

    yield build
    for one in made:
        one.close()


def outcome(decoders: Decoders, content: bytes) -> tuple[str, str]:
    try:
        decoders.read(content, KEPT)
    except PictureError as error:
        return error.outcome, error.reason
    return "ok", ""


def running(folder: Path) -> set[int]:
    """Return the decoders whose working folder this is."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = process.joinpath("cmdline").read_bytes().split(b"\0")
            if process.joinpath("cwd").resolve() == folder and any(one.endswith(b"decoder") for one in arguments):
                found.add(int(process.name))
        except OSError:
            continue
    return found


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(6000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_it_is_the_same_picture_as_decoded_here(make: Callable[..., Decoders]) -> None:
    decoders = make()
    for content in (SOUND, saved(drawn(300, 200), "PNG"), saved(drawn(mode="RGBA"), "WEBP")):
        assert decoders.read(content, KEPT) == read_picture(content, KEPT)
    assert outcome(decoders, b"<html>")[0] == "not_image"
    assert outcome(decoders, SOUND[:-200])[0] == "truncated"


@pytest.mark.parametrize("how", ["SIGSEGV", "SIGKILL", "SIGABRT"])
def test_a_crash_costs_one_picture(make: Callable[..., Decoders], how: str) -> None:
    decoders = make(command=BAD_DECODER)
    assert outcome(decoders, how.encode()) == ("undecodable", f"the decoder ended by {how}")
    assert isinstance(decoders.read(SOUND, KEPT), Picture)


def test_a_picture_without_end_is_ended_by_time_of_a_core(make: Callable[..., Decoders]) -> None:
    decoders = make(command=BAD_DECODER, cpu_s=0.2)
    assert outcome(decoders, b"busy") == ("undecodable", "not decoded within 0.2 s of a core")
    assert outcome(decoders, SOUND)[0] == "ok"


def test_one_that_waits_for_ever_is_ended_by_the_clock(make: Callable[..., Decoders]) -> None:
    decoders = make(command=BAD_DECODER, clock_s=0.2)
    assert outcome(decoders, b"asleep") == ("undecodable", "no answer within 0.2 s")
    assert outcome(make(command=BAD_DECODER), SOUND)[0] == "ok"


@pytest.mark.parametrize("what", ["cut", "nonsense"])
def test_an_answer_that_cannot_be_read_is_no_picture(make: Callable[..., Decoders], what: str) -> None:
    assert outcome(make(command=BAD_DECODER), what.encode())[0] == "undecodable"


def test_a_picture_that_needs_more_memory_than_allowed_is_too_large(make: Callable[..., Decoders]) -> None:
    large = saved(Image.fromarray(np.zeros((6000, 6000), np.uint8)).convert("RGB"), "PNG")
    assert outcome(make(memory_mib=64), large) == ("too_large", "decoding needs more memory than it may have")
    assert outcome(make(memory_mib=512), large)[0] == "ok"


def test_a_decoder_is_replaced_after_so_many_pictures(make: Callable[..., Decoders], monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.chdir(tmp_path)
    decoders, seen = make(pictures=2), []
    for _ in range(4):
        decoders.read(SOUND, KEPT)
        seen.append(running(tmp_path))
    assert [len(one) for one in seen] == [1, 0, 1, 0]
    assert seen[0] != seen[2]


def test_a_decoder_that_does_not_start_is_said_at_once(make: Callable[..., Decoders]) -> None:
    with pytest.raises(RuntimeError, match="No module named"):
        make(command=(sys.executable, "-m", "no_such_module_of_ours")).read(SOUND, KEPT)


def test_each_yields_all_and_holds_few(make: Callable[..., Decoders]) -> None:
    decoders, taken, most = make(2), [], []

    def items() -> Iterator[int]:
        for number in range(60):
            taken.append(number)
            yield number

    def read(number: int) -> tuple[int, int]:
        return number, decoders.read(SOUND, KEPT).width_px

    got = []
    for number, width in decoders.each(read, items()):
        got.append(number)
        most.append(len(taken) - len(got))
        assert width == 48
    assert sorted(got) == list(range(60))
    assert max(most) <= 8


def test_what_goes_wrong_in_a_function_is_raised(make: Callable[..., Decoders]) -> None:
    def full(number: int) -> int:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        list(make().each(full, range(9)))


@pytest.mark.parametrize("busy", [False, True])
def test_a_killed_asker_leaves_no_decoder_behind(tmp_path: Path, busy: bool) -> None:
    code = (
        "import sys; from entitynet_assets.decoders import *; from entitynet_assets.pictures import Kept\n"
        f"d = Decoders(2, Limits(cpu_s=2.0), {BAD_DECODER!r})\n"
        "import threading; threading.Thread(target=lambda: list(d.each(lambda c: d.read(c, Kept(9)), "
        f"[{b'busy' if busy else SOUND!r}] * 2)), daemon=True).start(); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    asker = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment, stdin=subprocess.PIPE)
    wait_for(lambda: bool(running(tmp_path)))
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    assert asker.stdin
    asker.stdin.close()
    wait_for(lambda: not running(tmp_path))


def test_an_interrupt_at_the_terminal_spoils_no_picture(make: Callable[..., Decoders]) -> None:
    """Ctrl-C goes to every process of the group; a decoder is in a group of its own."""
    listed = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    others = set(listed.read_text().split())
    decoders = make()
    decoders.read(SOUND, KEPT)
    started = set(listed.read_text().split()) - others
    groups = {os.getpgid(int(child)) for child in started}
    assert groups
    assert os.getpgid(0) not in groups
    assert outcome(decoders, SOUND)[0] == "ok"


@pytest.mark.parametrize(("name", "value"), [("ENTITYNET_DECODERS", "0"), ("ENTITYNET_DECODE_MIB", "much")])
def test_what_the_environment_says_wrongly_is_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StudyError, match=f"{name}: found '{value}'; allowed: a whole number from 1"):
        open_decoders()
