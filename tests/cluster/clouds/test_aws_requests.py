"""What AWS Batch is told of a job: requests against Amazon's service model; settings that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from entitynet_assets.cluster import Job
from entitynet_assets.cluster.aws_requests import definition, log_stream, standing_of, submission
from entitynet_assets.cluster.cloud_settings import AwsBatchSettings
from entitynet_assets.cluster.settings import ClusterSettingsError, parse_settings

FULL = {
    "queue": "gpus", "image": "1.dkr.test/train:1", "s3": "s3://bucket/project", "processes_per_node": 8, "cpus_per_process": 12,
    "memory": "1100Gi", "job_role": "arn:aws:iam::1:role/train", "execution_role": "arn:aws:iam::1:role/pull",
    "instance_type": "p4d.24xlarge", "scratch": "/mnt/nvme", "restarts": 2, "environment": {"NCCL_DEBUG": "WARN"},
}  # fmt: skip
ARN = "arn:aws:batch:eu-west-1:1:job-definition/entitynet:1"


def job(folder: Path, processes: int = 1) -> Job:
    return Job("entitynet_train.train", json.dumps({"recipe": "r"}), folder / "r", processes)


@pytest.mark.parametrize("processes", [1, 8, 32])
def test_requests_are_as_the_service_model_says(processes: int) -> None:
    settings, wanted = AwsBatchSettings(**FULL), job(Path("/data"), processes)
    made, sent = definition(wanted, settings), submission(wanted, "n", "s3://bucket/x", ARN, settings)
    batch = boto3.client("batch", region_name="eu-west-1", aws_access_key_id="k", aws_secret_access_key="s")
    with Stubber(batch) as stub:  # it checks names, kinds and ranges
        stub.add_response(
            "register_job_definition", {"jobDefinitionName": "n", "jobDefinitionArn": ARN, "revision": 1}, made
        )
        stub.add_response("submit_job", {"jobName": "n", "jobId": "1"}, sent)
        batch.register_job_definition(**made)
        batch.submit_job(**sent)


def test_several_nodes_make_one_job() -> None:
    settings, wanted = AwsBatchSettings(**FULL), job(Path("/data"), 32)
    nodes = definition(wanted, settings)["nodeProperties"]
    assert (nodes["numNodes"], nodes["mainNode"]) == (4, 0)
    container = nodes["nodeRangeProperties"][0]["container"]
    assert container["instanceType"] == "p4d.24xlarge"
    needs = {one["type"]: one["value"] for one in container["resourceRequirements"]}
    assert needs == {"VCPU": "96", "MEMORY": str(1100 * 1024), "GPU": "8"}
    sent = submission(wanted, "n", "s3://bucket/x", ARN, settings)
    assert "containerOverrides" not in sent
    overrides = sent["nodeOverrides"]["nodePropertyOverrides"][0]["containerOverrides"]
    assert overrides["command"][3:] == [
        *("--module", "entitynet_train.train", "--folder", "s3://bucket/x"),
        *("--nodes", "4", "--processes-per-node", "8", "--scratch", "/scratch"),
    ]


def test_one_node_is_an_ordinary_job_that_spot_may_take() -> None:
    settings, wanted = AwsBatchSettings(**FULL), job(Path("/data"), 8)
    made, sent = definition(wanted, settings), submission(wanted, "n", "s3://bucket/x", ARN, settings)
    assert made["type"] == "container"
    assert "instanceType" not in made["containerProperties"]
    assert sent["retryStrategy"]["attempts"] == 3
    rules = sent["retryStrategy"]["evaluateOnExit"]
    assert rules[0] == {"onStatusReason": "Host EC2*", "action": "RETRY"}
    assert rules[-1] == {"onReason": "*", "action": "EXIT"}
    assert 1 <= len(rules) <= 5, "Batch takes five at most"


def test_no_request_has_a_secret_in_it(monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    settings, wanted = AwsBatchSettings(**FULL), job(Path("/data"), 8)
    sent = json.dumps([definition(wanted, settings), submission(wanted, "n", "s3://bucket/x", ARN, settings)])
    assert "do-not-tell" not in sent


def test_a_definition_is_named_by_what_it_says() -> None:
    one, same = (definition(job(Path("/data"), 8), AwsBatchSettings(**FULL)) for _ in range(2))
    other = definition(job(Path("/data"), 8), AwsBatchSettings(**{**FULL, "image": "1.dkr.test/train:2"}))
    assert one["jobDefinitionName"] == same["jobDefinitionName"] != other["jobDefinitionName"]


@pytest.mark.parametrize(
    ("answers", "state", "words"),
    [
        ([], "lost", "no longer knows"),
        ([{"status": "RUNNABLE", "statusReason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"}], "queued", "MISCONFIGURATION"),
        ([{"status": "STARTING"}], "queued", "STARTING"),
        ([{"status": "RUNNING"}], "running", ""),
        ([{"status": "RUNNING", "attempts": [{}]}], "running", "attempt 2"),
        ([{"status": "SUCCEEDED"}], "lost", "without a result"),
        ([{"status": "FAILED", "statusReason": "Essential container in task exited", "container": {"exitCode": 1}}], "lost", "exit code 1"),
        ([{"status": "FAILED", "statusReason": "Host EC2 (instance i-1) terminated."}], "lost", "Host EC2"),
    ],
)  # fmt: skip
def test_where_a_job_stands(answers: list, state: str, words: str) -> None:
    found = standing_of(answers)
    assert found.state == state
    assert words in found.words
    assert found.passing == (answers == [])


def test_the_log_is_that_of_the_newest_attempt() -> None:
    attempts = [{"container": {"logStreamName": "first"}}, {"container": {"logStreamName": "second"}}]
    assert log_stream([{"attempts": attempts}]) == "second"
    assert log_stream([{"attempts": attempts, "container": {"logStreamName": "now"}}]) == "now"
    assert log_stream([{"container": {}}]) == ""


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "aws_batch: found no queue"),
        ({"queue": "q"}, "found image '', job_definition ''; allowed: one"),
        ({"queue": "q", "image": "i"}, "name one, so that nodes get their files"),
        ({"queue": "q", "image": "i", "file_system": "fs"}, "allowed: both or neither"),
        (
            {"queue": "q", "image": "i", "s3": "s3://bucket", "file_system": "fs", "mount": "/d"},
            "found both s3 and file_system",
        ),
        ({"queue": "q", "image": "i", "s3": "s3://bucket", "secret_key": "x"}, "secret_key: unknown key"),
        ({"queue": "q", "image": "i", "s3": "s3://bucket", "restarts": 10}, "restarts"),
    ],
)
def test_settings_that_cannot_be_used_are_named(table: dict, words: str) -> None:
    with pytest.raises(ClusterSettingsError) as found:
        parse_settings({"kind": "aws_batch", "aws_batch": table}, "cluster.toml")
    assert words in str(found.value)
