"""What doctor says of where Dagster's files lie and where jobs run."""

from __future__ import annotations

from pathlib import Path

import pytest

from entitynet_assets import doctor
from entitynet_assets.doctor import file_system_type
from entitynet_assets.studies.models import load_study

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
proc /proc proc rw 0 0
server:/export /home nfs4 rw,vers=4.2 0 0
10.0.0.1@tcp:/fs /scratch/big\\040space lustre rw 0 0
tmpfs /home/me/fast tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/var/lib", "ext4"),
        ("/home/me/.entitynet/sample", "nfs4"),
        ("/home/me/fast/.entitynet", "tmpfs"),
        ("/homely", "ext4"),
        ("/scratch/big space/x", "lustre"),
    ],
)
def test_the_type_is_that_of_the_nearest_mount(folder: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert file_system_type(Path(folder), tmp_path / "mounts") == expected


def test_no_table_of_mounts_is_no_finding(tmp_path: Path) -> None:
    assert file_system_type(Path("/home"), tmp_path / "none") == ""


def test_dagsters_sqlite_on_a_shared_file_system_is_a_note(tmp_path: Path, monkeypatch) -> None:
    study = load_study("sample")
    monkeypatch.setenv("ENTITYNET_HOME", str(tmp_path))
    here = file_system_type(tmp_path, Path("/proc/mounts"))
    monkeypatch.setattr(doctor, "SHARED", set())
    assert list(doctor._file_system(study)) == []
    monkeypatch.setattr(doctor, "SHARED", {here})
    (found,) = doctor._file_system(study)
    assert found.grade == "note"
    assert "Put ENTITYNET_HOME on a local disk" in found.words
    settings = tmp_path / "sample" / "dagster" / "dagster.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("telemetry: {enabled: false}\n")
    assert len(list(doctor._file_system(study))) == 1
    settings.write_text("storage:\n  postgres: {}\n")
    assert list(doctor._file_system(study)) == []


@pytest.mark.parametrize(
    ("text", "grade", "words"),
    [
        (None, "ok", "jobs run on this machine"),
        ('kind = "local"', "ok", "jobs run on this machine"),
        ('kind = "kubernets"', "bad", "kind"),
        ('kind = "kubernetes"\n[kubernetes]\nimage = "i"\ns3 = "s3://bucket"\nkubectl = "no-kubectl"', "bad", "install kubectl"),
        ('kind = "slurm"\n[slurm]\nssh = {host = "login.test", options = ["-oProxyCommand=false"]}', "bad", "by way of login.test"),
        ('kind = "aws_batch"\n[aws_batch]\nqueue = "q"\nimage = "i"\ns3 = "s3://bucket"\nprofile = "nobody"', "bad", "nobody"),
    ],
)  # fmt: skip
def test_where_jobs_run_is_said_and_whether_it_answers(
    text: str | None, grade: str, words: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.delenv("ENTITYNET_CLUSTER", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    if text is not None:
        (tmp_path / "cluster.toml").write_text(text)
        monkeypatch.setenv("ENTITYNET_CLUSTER", str(tmp_path / "cluster.toml"))
    found = doctor._cluster()
    assert (found.subject, found.grade) == ("cluster", grade)
    assert words in found.words, found.words
