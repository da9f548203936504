"""The program of a job's node: who it is among the nodes, what it copies through a bucket and when, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from entitynet_assets.cluster import Job, LocalCluster
from entitynet_assets.cluster.bucket import Bucket, input_files
from entitynet_assets.cluster.cloud_settings import KubernetesSettings
from entitynet_assets.cluster.kubernetes import KubernetesCluster
from entitynet_train.bucket import JobFiles
from entitynet_train.remote import command, first_node, node_number
from entitynet_train.spec import SpecError, to_json
from tests.fakes.kube_api import free_port
from tests.train.conftest import CLASSES, TinyWorld

REPOSITORY = Path(__file__).parents[3]
AWS_MAIN = {"AWS_BATCH_JOB_NODE_INDEX": "0", "AWS_BATCH_JOB_NUM_NODES": "2", "AWS_BATCH_JOB_MAIN_NODE_INDEX": "0"}
AWS_CHILD = {**AWS_MAIN, "AWS_BATCH_JOB_NODE_INDEX": "1", "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS": "10.0.0.7"}
INDEXED = {"JOB_COMPLETION_INDEX": "1", "MASTER_ADDR": "job-0.job", "MASTER_PORT": "29500"}
PYTORCH_JOB = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "job-master-0", "MASTER_PORT": "23456"}


@pytest.mark.parametrize(
    ("environ", "number", "address"),
    [
        (AWS_MAIN, 0, "127.0.0.1"),
        (AWS_CHILD, 1, "10.0.0.7"),
        (INDEXED, 1, "job-0.job"),
        (PYTORCH_JOB, 1, "job-master-0"),
    ],
)
def test_each_cloud_says_who_a_node_is_and_where_the_first_one_is(environ: dict, number: int, address: str) -> None:
    assert node_number(environ, 2) == number
    assert first_node(environ, number) == address


def test_torchrun_is_told_the_shape_of_the_job() -> None:
    said = command("entitynet_train.train", Path("/scratch/job"), (2, 8), PYTORCH_JOB)
    assert said[1:3] == ["-m", "torch.distributed.run"]
    for option, value in {
        "--nnodes": "2", "--nproc-per-node": "8", "--node-rank": "1", "--master-addr": "job-master-0", "--master-port": "23456",
    }.items():  # fmt: skip
        assert said[said.index(option) + 1] == value
    assert said[-6:] == ["--", "entitynet_train.train", "--spec", "/scratch/job/spec.json", "--out", "/scratch/job"]
    assert "torch.distributed.run" not in command("entitynet_train.embed", Path("/x"), (1, 1), {})


@pytest.mark.parametrize("environ", [{}, {"RANK": "2"}, {"RANK": "one"}])
def test_a_node_that_nobody_numbered_is_told(environ: dict) -> None:
    with pytest.raises(SpecError, match=r"JOB_COMPLETION_INDEX or RANK: found .* allowed: 0 to 1"):
        node_number(environ, 2)


def test_a_node_that_cannot_know_the_first_one_is_told() -> None:
    with pytest.raises(SpecError, match="found nothing; allowed: the first node's address"):
        first_node({}, 1)


def test_the_inputs_of_a_spec_are_its_files_below_their_roots(tmp_path: Path) -> None:
    for name in ("a.tar", "a.parquet", "unnamed.tar", "start/weights", "start/deep/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    data = {
        "root": str(tmp_path),
        "shards": [{"name": "00000", "tar": "a.tar", "texts": "a.parquet"}],
        "release_id": "start",
    }
    found = {str(path.relative_to(tmp_path)) for path in input_files({"data": data, "init": str(tmp_path / "start")})}
    assert found == {"a.tar", "a.parquet", "start/weights", "start/deep/config"}


def begin(address: str, scratch: Path, *options: str) -> subprocess.Popen:
    program = [
        sys.executable,
        "-m",
        "entitynet_train.remote",
        "--module",
        "tests.fakes.cloud_jobs",
        "--folder",
        address,
    ]
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen([*program, "--scratch", str(scratch), *options], env={**os.environ, "PYTHONPATH": path})


def put_spec(s3, name: str, *steps: list) -> str:
    s3.put_object(Bucket="bucket", Key=f"jobs/{name}/spec.json", Body=json.dumps({"steps": steps}).encode())
    s3.put_object(Bucket="bucket", Key=f"jobs/{name}/inputs.json", Body=b"[]")
    return f"s3://bucket/jobs/{name}"


def keys(s3, name: str) -> set[str]:
    found = s3.list_objects_v2(Bucket="bucket", Prefix=f"jobs/{name}/").get("Contents", [])
    return {one["Key"].removeprefix(f"jobs/{name}/") for one in found}


def eventually(holds: Callable[[], object]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came true")


def checkpoint(step: int) -> list[list]:
    return [["write", f"checkpoints/step_{step}/{name}", f"{step}"] for name in ("state.pt", "complete")]


def test_what_a_job_writes_is_in_the_bucket_when_it_ends(s3, tmp_path: Path) -> None:
    torn = ["write", "checkpoints/step_9/state.pt", "half"]
    address = put_spec(
        s3,
        "ends",
        *checkpoint(3),
        torn,
        ["write", "export/.part/x", "no"],
        ["write", "export/model", "w"],
        ["result", 1],
    )
    assert begin(address, tmp_path / "scratch").wait() == 0
    ours = {"spec.json", "inputs.json", "starts"}
    assert keys(s3, "ends") - ours == {
        "result.json",
        "export/model",
        "checkpoints/step_3/state.pt",
        "checkpoints/step_3/complete",
    }


def test_progress_is_in_the_bucket_while_a_job_runs_and_old_checkpoints_leave_it(s3, tmp_path: Path) -> None:
    steps = [
        *checkpoint(1),
        ["metric", '{"step": 1}\n'],
        ["await", "go"],
        ["forget", "checkpoints/step_1"],
        *checkpoint(2),
        ["result", 1],
    ]
    address = put_spec(s3, "runs", *steps)
    node = begin(address, tmp_path / "scratch", "--sync-s", "0.1")
    eventually(lambda: {"metrics.jsonl", "checkpoints/step_1/complete"} <= keys(s3, "runs"))
    assert "result.json" not in keys(s3, "runs")
    (tmp_path / "scratch" / "job" / "go").touch()
    assert node.wait() == 0
    assert {key for key in keys(s3, "runs") if key.startswith("checkpoints")} == {
        "checkpoints/step_2/state.pt",
        "checkpoints/step_2/complete",
    }


def test_a_node_in_place_of_a_lost_one_begins_with_the_whole_checkpoints(s3, tmp_path: Path) -> None:
    address = put_spec(s3, "lost", ["copy_own", "checkpoints/step_5/state.pt", "export/found"], ["result", 1])
    for name, text in {"step_5/state.pt": "five", "step_5/complete": "{}", "step_6/state.pt": "half"}.items():
        s3.put_object(Bucket="bucket", Key=f"jobs/lost/checkpoints/{name}", Body=text.encode())
    assert begin(address, tmp_path / "another").wait() == 0
    assert s3.get_object(Bucket="bucket", Key="jobs/lost/export/found")["Body"].read() == b"five"
    assert not (tmp_path / "another" / "job" / "checkpoints" / "step_6").exists()


def test_a_stopped_node_brings_its_last_checkpoint_and_says_by_which_signal(s3, tmp_path: Path) -> None:
    address = put_spec(s3, "stopped", ["on_stop", *checkpoint(7)], ["touch", "began"], ["sleep", 120])
    node = begin(address, tmp_path / "scratch")
    eventually(lambda: (tmp_path / "scratch" / "job" / "began").exists())
    node.send_signal(signal.SIGTERM)
    assert node.wait() == 128 + signal.SIGTERM
    assert "checkpoints/step_7/complete" in keys(s3, "stopped")
    assert "result.json" not in keys(s3, "stopped")


@pytest.mark.parametrize("code", [1, 2])
def test_a_jobs_own_code_is_the_nodes(s3, tmp_path: Path, code: int) -> None:
    assert begin(put_spec(s3, f"says{code}", ["exit", code]), tmp_path / "scratch").wait() == code


def test_a_folder_without_a_spec_is_a_spec_error(s3, tmp_path: Path, capfd) -> None:
    assert begin("s3://bucket/jobs/nothing", tmp_path / "scratch").wait() == 2
    assert "no inputs.json and no spec.json; allowed: a folder that the platform has written" in capfd.readouterr().err


def test_a_bucket_that_does_not_answer_does_not_stop_a_job(s3, tmp_path: Path, monkeypatch, capfd) -> None:
    files = JobFiles(put_spec(s3, "quiet", ["result", 1]), tmp_path)
    (files.fetch() / "metrics.jsonl").write_text('{"step": 1}\n')
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    away = JobFiles("s3://bucket/jobs/quiet", tmp_path)
    away.bring_progress()
    assert "not uploaded yet" in capfd.readouterr().err
    with pytest.raises(EndpointConnectionError):
        away.bring_all()
    files.bring_progress()
    assert "metrics.jsonl" in keys(s3, "quiet")


def test_inputs_are_uploaded_once(s3, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"one")
    spec = {"data": {"root": str(tmp_path), "tar": "a.tar"}}
    wanted, bucket = Job("entitynet_train.train", json.dumps(spec), tmp_path / "job"), Bucket("s3://bucket/once")
    stamps = []
    for content in (None, None, b"another"):
        if content:
            (tmp_path / "a.tar").write_bytes(content)
        bucket.bring_inputs(wanted, bucket.address("once"))
        (found,) = s3.list_objects_v2(Bucket="bucket", Prefix="once/inputs")["Contents"]
        stamps.append((found["LastModified"], found["Size"]))
    assert stamps[0] == stamps[1] != stamps[2]


@pytest.mark.long
def test_training_on_two_nodes_through_a_bucket_makes_the_weights_of_this_machine(kube, s3, tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    world = TinyWorld(tmp_path / "world", dict(CLASSES))
    world.entity_texts = [(qid, "label", name) for qid, name in CLASSES.items()]
    world.add_shard(per_class=4, seed=0)
    spec = world.run_spec(world_size=2)
    away = Job("entitynet_train.train", to_json(spec), tmp_path / "away", 2)
    table = {
        "image": "i",
        "s3": "s3://bucket/real",
        "processes_per_node": 1,
        "gpus_per_process": 0,
        "cpus_per_process": 1,
        "ask_s": 1.0,
    }
    cluster, heard = KubernetesCluster(KubernetesSettings(**table), 30), []
    result = cluster.run(away, heard.append)
    here = LocalCluster().run(Job(away.module, away.spec_json, tmp_path / "here", 2))
    assert result["export_sha256"] == here["export_sha256"]
    assert [line["step"] for line in heard if "step" in line] == [1, 2, 3, 4]
    assert {path.name for path in (tmp_path / "away" / "export").iterdir()} == {
        path.name for path in (tmp_path / "here" / "export").iterdir()
    }
