"""AWS Batch as a cluster: jobs by boto3, their words from CloudWatch, their files through S3 or an EFS.

Belongs here: asking. Does not belong here: requests and what answers mean (aws_requests.py), files in a bucket (bucket.py).

boto3 comes with dagster-aws and finds the caller's role by itself; dagster-aws has no resource for Batch, and its S3 resource would
hand out the same client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from entitynet_assets.cluster import aws_requests as requests
from entitynet_assets.cluster.bucket import Unanswered
from entitynet_assets.cluster.cloud import CloudCluster, job_name
from entitynet_assets.cluster.cloud_settings import AwsBatchSettings
from entitynet_assets.cluster.folder import prepare, read_json, record, wait_until
from entitynet_assets.cluster.interface import Job, JobLost, Standing


class AwsBatchCluster(CloudCluster):
    """Runs jobs in a queue. `clients` makes a boto3 client by the name of its service; Batch itself gives a cancelled job 30 s."""

    def __init__(self, settings: AwsBatchSettings, grace_s: float, clients: Callable[[str], Any] | None = None) -> None:
        super().__init__(settings, grace_s, settings.profile)
        self.settings = settings
        self._make, self._made = clients or self._by_session, dict[str, Any]()

    def submit(self, job: Job) -> None:
        """Submit the job unless one of its name is under way; of two that began at once, the older stays."""
        name, address = job_name(job), self.address(job)
        with _told(f"AWS Batch refused {name}", JobLost):
            job_id = next(iter(self._under_way(name)), None)
            prepare(job)
            record(job, {"aws_batch": name, "id": job_id})
            if job_id:
                return
            if self.bucket:
                self.bucket.bring_inputs(job, address)
            request = requests.submission(job, name, address, self._definition(job), self.settings)
            own = self._client("batch").submit_job(**request)["jobId"]
            oldest = next(iter(self._under_way(name)), own)
            if oldest != own:
                self._terminate(own, "another process submitted this job first")
            record(job, {"aws_batch": name, "id": oldest})

    def ask(self, job: Job, known: dict[str, Any]) -> Standing:
        """Describe the job; one whose id could not be recorded is found by its name."""
        with _told("AWS Batch", Unanswered):
            job_id = known.get("id") or next(iter(self._under_way(job_name(job))), None)
            return requests.standing_of(self._describe(job_id) if job_id else [])

    def cancel(self, job: Job) -> None:
        """Terminate the job (SIGTERM, and SIGKILL after the instance's patience) and wait until it has ended."""
        known = read_json(job.folder / "job.json")
        if known is None:
            return
        with _told(f"{job_name(job)} could not be terminated", JobLost):
            ids = {known.get("id"), *self._under_way(job_name(job))} - {None}
            for job_id in ids:
                self._terminate(job_id, "cancelled")
            wait_until(lambda: not self._under_way(job_name(job)), self.grace_s + 60.0)

    def read_log(self, job: Job, lines: int) -> str:
        """Return the last lines of the first node from CloudWatch."""
        job_id = (read_json(job.folder / "job.json") or {}).get("id")
        if not job_id:
            return ""
        with _told("CloudWatch", Unanswered):
            nodes = self.settings.resources(job.kind).shape(job.processes)[0]
            stream = requests.log_stream(self._describe(f"{job_id}#0" if nodes > 1 else job_id))
            if not stream:
                return ""
            asked = {"logGroupName": self.settings.log_group, "logStreamName": stream, "limit": lines}
            answer = self._client("logs").get_log_events(**asked, startFromHead=False)
            return "".join(f"{one['message']}\n" for one in answer["events"])

    def greeting(self) -> str:
        """Return who the caller is and that the queue takes jobs. Raises JobLost if not."""
        with _told("AWS", JobLost):
            who = self._client("sts").get_caller_identity()["Arn"]
            found = self._client("batch").describe_job_queues(jobQueues=[self.settings.queue])["jobQueues"]
        if not found or (found[0]["state"], found[0]["status"]) != ("ENABLED", "VALID"):
            state = f"{found[0]['state']}, {found[0]['status']}" if found else "not there"
            raise JobLost(
                f"{who} is known, but queue {self.settings.queue} is {state}; create or enable it, in this region"
            )
        return f"AWS Batch, queue {self.settings.queue} takes jobs, as {who}"

    def _by_session(self, service: str) -> Any:
        import boto3  # here: it takes a second, and most runs need none

        session = boto3.Session(profile_name=self.settings.profile or None, region_name=self.settings.region or None)
        return session.client(service)

    def _client(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self._make(service)
        return self._made[service]

    def _under_way(self, name: str) -> list[str]:
        """Return the ids of the jobs of that name that have not ended, the oldest first."""
        found: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"jobQueue": self.settings.queue, "filters": [{"name": "JOB_NAME", "values": [name]}]}
        while True:
            answer = self._client("batch").list_jobs(**asked)
            found += [
                one for one in answer["jobSummaryList"] if one["jobName"] == name and one["status"] in requests.ACTIVE
            ]
            if not answer.get("nextToken"):
                return [one["jobId"] for one in sorted(found, key=lambda one: (one["createdAt"], one["jobId"]))]
            asked["nextToken"] = answer["nextToken"]

    def _describe(self, job_id: str) -> list[dict[str, Any]]:
        return self._client("batch").describe_jobs(jobs=[job_id])["jobs"]

    def _definition(self, job: Job) -> str:
        """Return the definition to submit with: the user's, else ours, registered if it is not there."""
        if self.settings.job_definition:
            return self.settings.job_definition
        wanted, batch = requests.definition(job, self.settings), self._client("batch")
        asked = {"jobDefinitionName": wanted["jobDefinitionName"], "status": "ACTIVE"}
        if found := batch.describe_job_definitions(**asked)["jobDefinitions"]:
            return found[0]["jobDefinitionArn"]
        return batch.register_job_definition(**wanted)["jobDefinitionArn"]

    def _terminate(self, job_id: str, reason: str) -> None:
        self._client("batch").terminate_job(jobId=job_id, reason=f"entitynet: {reason}")


@contextmanager
def _told(subject: str, kind: type[Exception]) -> Iterator[None]:
    """Raise what boto3 raises as `kind`, with what to do."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise kind(
            f"{subject}: {error}; see `entitynet doctor`: who the caller is, whether the queue answers"
        ) from error
