"""AWS Batch: every request checked by botocore against Amazon's own service model, answers as recorded shapes. No account was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.stub import ANY, Stubber

from entitynet_assets.cluster import Job, JobLost
from entitynet_assets.cluster.aws_batch import AwsBatchCluster
from entitynet_assets.cluster.aws_requests import submission
from entitynet_assets.cluster.cloud import job_name
from entitynet_assets.cluster.cloud_settings import AwsBatchSettings

MOUNTED = {"queue": "gpus", "image": "i", "file_system": "fs-1", "mount": "/data", "ask_s": 0.05, "lag_s": 0.0}
ARN = "arn:aws:batch:eu-west-1:1:job-definition/entitynet:1"


def job(folder: Path, processes: int = 1) -> Job:
    return Job("entitynet_train.train", json.dumps({"recipe": "r"}), folder / "r", processes)


class Account:
    """Clients that answer what was put down for them, in that order, and refuse requests that the service would."""

    def __init__(self) -> None:
        self.clients = {
            name: boto3.client(name, region_name="eu-west-1", aws_access_key_id="k", aws_secret_access_key="s")
            for name in ("batch", "logs", "sts")
        }
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}

    def answers(self, call: str, answer: dict, expected: dict | None = None, service: str = "batch") -> None:
        self.stubs[service].add_response(call, answer, expected)

    def lists(self, *jobs: dict) -> None:
        self.answers("list_jobs", {"jobSummaryList": list(jobs)})

    def describes(self, **facts: object) -> None:
        needed = {"jobName": "n", "jobId": "1", "jobQueue": "gpus", "jobDefinition": ARN, "startedAt": 1}
        self.answers("describe_jobs", {"jobs": [{**needed, **facts}]})


@pytest.fixture
def account() -> Iterator[Account]:
    found = Account()
    with contextmanager(_active)(found):
        yield found


def _active(account: Account) -> Iterator[None]:
    for stub in account.stubs.values():
        stub.activate()
    yield
    for stub in account.stubs.values():
        stub.assert_no_pending_responses()


def door(account: Account, **changes: object) -> AwsBatchCluster:
    return AwsBatchCluster(AwsBatchSettings(**{**MOUNTED, **changes}), 1, account.clients.__getitem__)


def listed(wanted: Job, job_id: str, created: int, status: str = "RUNNABLE") -> dict:
    return {"jobId": job_id, "jobName": job_name(wanted), "createdAt": created, "status": status}


def test_submit_registers_once_and_records_the_id(account: Account, tmp_path: Path) -> None:
    wanted, cluster = job(tmp_path), door(account)
    account.lists()
    account.answers("describe_job_definitions", {"jobDefinitions": []}, {"jobDefinitionName": ANY, "status": "ACTIVE"})
    account.answers("register_job_definition", {"jobDefinitionName": "n", "jobDefinitionArn": ARN, "revision": 1})
    account.answers("submit_job", {"jobName": "n", "jobId": "1"})
    account.lists(listed(wanted, "1", 10))
    cluster.submit(wanted)
    assert json.loads((wanted.folder / "job.json").read_text())["id"] == "1"
    assert (wanted.folder / "spec.json").read_text() == wanted.spec_json


def test_submit_takes_the_definition_that_is_there(account: Account, tmp_path: Path) -> None:
    wanted, cluster = job(tmp_path), door(account)
    account.lists()
    known = {"jobDefinitionName": "n", "jobDefinitionArn": ARN, "revision": 1, "type": "container"}
    account.answers("describe_job_definitions", {"jobDefinitions": [known]})
    expected = submission(wanted, job_name(wanted), str(wanted.folder), ARN, cluster.settings)
    account.answers("submit_job", {"jobName": "n", "jobId": "1"}, expected)
    account.lists(listed(wanted, "1", 10))
    cluster.submit(wanted)


def test_a_job_of_that_name_under_way_is_found_and_not_submitted_again(account: Account, tmp_path: Path) -> None:
    wanted = job(tmp_path)
    account.lists(listed(wanted, "old", 5, "FAILED"), listed(wanted, "7", 10, "RUNNING"))
    door(account).submit(wanted)
    assert json.loads((wanted.folder / "job.json").read_text())["id"] == "7"


def test_of_two_that_submit_at_once_the_older_stays(account: Account, tmp_path: Path) -> None:
    wanted, cluster = job(tmp_path), door(account, image="", job_definition="mine:3")
    account.lists()
    account.answers("submit_job", {"jobName": "n", "jobId": "2"})
    account.lists(listed(wanted, "2", 11), listed(wanted, "1", 10))
    account.answers("terminate_job", {}, {"jobId": "2", "reason": ANY})
    cluster.submit(wanted)
    assert json.loads((wanted.folder / "job.json").read_text())["id"] == "1"


def test_a_whole_run_waits_and_reads_the_result(account: Account, tmp_path: Path) -> None:
    wanted, heard = job(tmp_path), []
    account.lists(listed(wanted, "1", 10))  # submit: it is under way already
    account.describes(status="RUNNABLE", statusReason="waits for an instance")
    account.describes(status="RUNNING")
    account.describes(status="SUCCEEDED")  # settle

    def watch(line: dict) -> None:
        heard.append(line)
        if line == {"cluster": ""}:  # it runs
            (wanted.folder / "result.json").write_text('{"answer": 42}')

    assert door(account).run(wanted, watch) == {"answer": 42}
    assert heard[0] == {"cluster": "RUNNABLE, waits for an instance"}


def test_a_failed_job_is_told_with_its_last_words(account: Account, tmp_path: Path) -> None:
    wanted = job(tmp_path)
    reason = "Essential container in task exited"
    account.lists(listed(wanted, "1", 10))
    for _ in range(3):  # where it stands, where its log is, and that again for the words of the error
        account.describes(status="FAILED", statusReason=reason, container={"exitCode": 1, "logStreamName": "s"})
    words = {"logGroupName": "/aws/batch/job", "logStreamName": "s", "limit": 1000, "startFromHead": False}
    for _ in range(2):
        account.answers("get_log_events", {"events": [{"message": "loss is nan at step 7"}]}, words, "logs")
    with pytest.raises(JobLost, match="loss is nan at step 7") as found:
        door(account).run(wanted)
    assert f"FAILED, {reason}, exit code 1" in str(found.value)


def test_logs_of_several_nodes_are_those_of_the_first(account: Account, tmp_path: Path) -> None:
    wanted = job(tmp_path, 2)
    wanted.folder.mkdir()
    (wanted.folder / "job.json").write_text('{"id": "1"}')
    needed = {
        "jobName": "n",
        "jobId": "1#0",
        "jobQueue": "gpus",
        "jobDefinition": ARN,
        "startedAt": 1,
        "status": "RUNNING",
    }
    account.answers("describe_jobs", {"jobs": [{**needed, "container": {"logStreamName": "s"}}]}, {"jobs": ["1#0"]})
    account.answers("get_log_events", {"events": [{"message": "one"}, {"message": "two"}]}, None, "logs")
    assert door(account, processes_per_node=1).logs(wanted, 1) == "two"


def test_cancel_terminates_and_waits(account: Account, tmp_path: Path) -> None:
    wanted = job(tmp_path)
    wanted.folder.mkdir()
    door(account).cancel(wanted)  # nothing was submitted: nothing is asked
    (wanted.folder / "job.json").write_text('{"id": "1"}')
    account.lists(listed(wanted, "1", 10, "RUNNING"))
    account.answers("terminate_job", {}, {"jobId": "1", "reason": "entitynet: cancelled"})
    account.lists(listed(wanted, "1", 10, "RUNNING"))
    account.lists(listed(wanted, "1", 10, "FAILED"))
    door(account).cancel(wanted)


def test_a_service_that_does_not_answer_is_waited_for(account: Account, tmp_path: Path) -> None:
    wanted = job(tmp_path)
    account.lists(listed(wanted, "1", 10, "RUNNING"))
    account.stubs["batch"].add_client_error("describe_jobs", "TooManyRequestsException", "slow down", 429)
    account.describes(status="RUNNING")

    def watch(line: dict) -> None:
        if "slow down" in line.get("cluster", ""):
            (wanted.folder / "result.json").write_text("7")

    account.describes(status="SUCCEEDED")
    assert door(account).run(wanted, watch) == 7


def test_a_refusal_is_told_with_what_to_do(account: Account, tmp_path: Path) -> None:
    account.stubs["batch"].add_client_error("list_jobs", "ClientException", "JobQueue gpus not found", 404)
    with pytest.raises(JobLost, match=r"JobQueue gpus not found.*entitynet doctor"):
        door(account).submit(job(tmp_path))


def test_a_greeting_says_who_asks_and_whether_the_queue_takes_jobs(account: Account) -> None:
    for state in ("ENABLED", "DISABLED"):
        account.answers("get_caller_identity", {"Arn": "arn:aws:sts::1:assumed-role/me"}, {}, "sts")
        queue = {
            "jobQueueName": "gpus",
            "jobQueueArn": "a",
            "state": state,
            "status": "VALID",
            "priority": 1,
            "computeEnvironmentOrder": [],
        }
        account.answers("describe_job_queues", {"jobQueues": [queue]}, {"jobQueues": ["gpus"]})
    assert door(account).greeting() == "AWS Batch, queue gpus takes jobs, as arn:aws:sts::1:assumed-role/me"
    with pytest.raises(JobLost, match="queue gpus is DISABLED, VALID; create or enable it"):
        door(account).greeting()
