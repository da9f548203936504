"""Kubernetes as a cluster: each job is one object, made, looked at and deleted.

Belongs here: which requests, and in which order. Does not belong here: sending them (kubectl.py), manifests and what answers mean
(kubernetes_objects.py), files in a bucket (bucket.py).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from entitynet_assets.cluster.bucket import Unanswered
from entitynet_assets.cluster.cloud import CloudCluster, job_name
from entitynet_assets.cluster.cloud_settings import KubernetesSettings
from entitynet_assets.cluster.folder import prepare, read_json, record, wait_until
from entitynet_assets.cluster.interface import Job, JobLost, Standing
from entitynet_assets.cluster.kubectl import Kubectl, Refused
from entitynet_assets.cluster.kubernetes_objects import (
    API,
    CONTAINER,
    LABEL,
    PLURAL,
    job_manifest,
    needs_service,
    service_manifest,
    standing_of,
)

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class KubernetesCluster(CloudCluster):
    """Runs jobs in a namespace. `grace_s` is what a cancelled job has to save a checkpoint; 30 s more are for its upload."""

    def __init__(self, settings: KubernetesSettings, grace_s: float) -> None:
        super().__init__(settings, grace_s)
        self.settings = settings
        self.kubectl = Kubectl(settings.kubectl, settings.context, settings.commands_s)
        self._core = f"/api/v1/namespaces/{settings.namespace}"
        self._jobs = f"{API[settings.operator]}/namespaces/{settings.namespace}/{PLURAL[settings.operator]}"

    def submit(self, job: Job) -> None:
        """Make the object; one that is there already is this job, and is awaited."""
        name, address = job_name(job), self.address(job)
        manifest = job_manifest(job, name, address, self.settings, self.grace_s)
        prepare(job)
        if self.bucket:
            self.bucket.bring_inputs(job, address)
        record(job, {"kubernetes": name, "namespace": self.settings.namespace})
        try:
            made = self.kubectl.create(self._jobs, manifest) or json.loads(self.kubectl.ask("get", self._path(job)))
            if needs_service(job, self.settings):
                service = service_manifest(name, made["metadata"]["uid"], self.settings)
                self.kubectl.create(f"{self._core}/services", service)
        except (Refused, Unanswered) as error:
            raise JobLost(
                f"Kubernetes took no {name}: {error}\nMend that and run again; see `entitynet doctor`"
            ) from error

    def ask(self, job: Job, known: dict[str, Any]) -> Standing:
        """Look at the object."""
        try:
            return standing_of(json.loads(self.kubectl.ask("get", self._path(job))))
        except Refused as error:
            if error.reason == "NotFound":
                return Standing("lost", "the job is not there, or no longer", passing=True)
            raise Unanswered(str(error)) from error

    def cancel(self, job: Job) -> None:
        """Delete the object and wait until its pods are gone; they get SIGTERM first. Raises JobLost if they stay."""
        if read_json(job.folder / "job.json") is None:
            return
        path, words = self._path(job), "it is still being deleted"
        try:
            self.kubectl.ask("delete", f"{path}?propagationPolicy=Foreground")
        except Unanswered as error:
            words = str(error)
        except Refused as error:
            if error.reason == "NotFound":
                return
            words = str(error)
        if not wait_until(lambda: self.kubectl.is_gone(path), self.grace_s + 60.0):
            look = f"kubectl get pods -n {self.settings.namespace} -l {LABEL}={job_name(job)}"
            raise JobLost(f"{job_name(job)} could not be deleted: {words}\nIts pods may still run: {look}")

    def read_log(self, job: Job, lines: int) -> str:
        """Return the last lines of the pod that failed, or of the first one."""
        try:
            found = self.kubectl.ask("get", f"{self._core}/pods?labelSelector={quote(f'{LABEL}={job_name(job)}')}")
            pods = sorted(json.loads(found)["items"], key=_rank)
            if not pods:
                return ""
            path = f"{self._core}/pods/{pods[0]['metadata']['name']}/log"
            return self.kubectl.ask("get", f"{path}?container={CONTAINER}&tailLines={lines}")
        except Refused:
            return ""  # a pod that has not begun has no log

    def greeting(self) -> str:
        """Return who answers, and that jobs may be made there. Raises JobLost if not."""
        namespace, plural = self.settings.namespace, PLURAL[self.settings.operator]
        review = {"namespace": namespace, "verb": "create", "group": API[self.settings.operator].split("/")[2]}
        asked = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**review, "resource": plural}},
        }
        try:
            version = json.loads(self.kubectl.ask("get", "/version"))["gitVersion"]
            answer = json.loads(self.kubectl.ask("create", REVIEWS, asked))
        except (Refused, Unanswered) as error:
            raise JobLost(f"{error}; log in so that `kubectl version` shows a server") from error
        if not answer["status"]["allowed"]:
            raise JobLost(f"{version} answers, but {plural} may not be created in {namespace}: ask for a role that may")
        return f"Kubernetes {version} answers, {plural} may be created in namespace {namespace}"

    def _path(self, job: Job) -> str:
        return f"{self._jobs}/{job_name(job)}"


def _rank(pod: dict[str, Any]) -> tuple[bool, str]:
    return pod.get("status", {}).get("phase") != "Failed", pod["metadata"]["name"]
