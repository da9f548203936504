"""A Kubernetes server of one namespace that runs the pods of its Jobs as processes of this machine.

It answers what the door asks (make, get, delete, pods, logs, version, access review) in the shapes of Kubernetes 1.32, and does as
the Job controller: a pod that dies is made again up to backoffLimit, unless podFailurePolicy says otherwise. There is no DNS and no
container: MASTER_ADDR becomes this machine, `python` the tests' own interpreter, an absolute path stays as it is.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

REASONS = {403: "Forbidden", 404: "NotFound", 409: "AlreadyExists", 500: "InternalError"}


@dataclass
class Pod:
    """One pod: its process and where its words go."""

    name: str
    process: subprocess.Popen
    log: Path


@dataclass
class Server:
    """The objects by path, the pods by job, every request as (method, path), and what to refuse: {path's end: code}."""

    folder: Path
    objects: dict[str, dict] = field(default_factory=dict)
    pods: dict[str, list[Pod]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)
    may_create: bool = True
    runs: bool = True
    port: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict) -> tuple[int, dict | str]:
        """Return the code and the answer of a request."""
        with self.lock:
            self.requests.append((method, path))
            for end, code in self.refuse.items():
                if path.endswith(end):
                    return code, status(code, path)
            if path == "/version":
                return 200, {"gitVersion": "v1.32.4", "major": "1", "minor": "32"}
            if path.endswith("selfsubjectaccessreviews"):
                return 201, {**body, "status": {"allowed": self.may_create}}
            if path.endswith("/log"):
                return self.log(path.split("/")[-2], int(query["tailLines"][0]))
            if path.endswith("/pods"):
                name = query["labelSelector"][0].split("=")[1]
                return 200, {"kind": "PodList", "items": [facts(pod) for pod in self.pods.get(name, [])]}
            return getattr(self, method.lower())(path, body)

    def post(self, path: str, body: dict) -> tuple[int, dict]:
        """Make an object; the pods of a Job begin."""
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            return 409, status(409, place)
        body["metadata"]["uid"] = f"uid-of-{body['metadata']['name']}"
        self.objects[place] = body
        if body["kind"] == "Job" and self.runs:
            name, nodes = body["metadata"]["name"], body["spec"].get("completions", 1)
            self.port = free_port()
            self.pods[name] = [self.start(body, index, 0) for index in range(nodes)]
        return 201, body

    def get(self, path: str, body: dict) -> tuple[int, dict]:
        """Return an object as it stands now."""
        found = self.objects.get(path)
        if found is None:
            return 404, status(404, path)
        if found["kind"] == "Job" and self.runs:
            self.control(path, found)
        return (200, found) if path in self.objects else (404, status(404, path))

    def delete(self, path: str, body: dict) -> tuple[int, dict]:
        """Tell the pods of an object; it goes when they are gone."""
        found = self.objects.get(path)
        if found is None:
            return 404, status(404, path)
        found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        pods = self.pods.get(found["metadata"]["name"], [])
        for pod in pods:
            pod.process.poll()
            if pod.process.returncode is None:
                pod.process.send_signal(signal.SIGTERM)
        if not pods:
            self.forget(path)
        return 200, found

    def control(self, path: str, job: dict) -> None:
        """Do as the Job controller: count what ended, make a dead pod again, set the conditions."""
        pods, spec, name = self.pods[job["metadata"]["name"]], job["spec"], job["metadata"]["name"]
        codes = [pod.process.poll() for pod in pods]
        if "deletionTimestamp" in job["metadata"]:
            if None not in codes:
                self.forget(path)
            return
        job["status"] = {"active": codes.count(None), "ready": codes.count(None)}
        if all(code == 0 for code in codes):
            job["status"] |= {"succeeded": len(codes), "conditions": [{"type": "Complete", "status": "True"}]}
        own = [
            code for rule in spec["podFailurePolicy"]["rules"] for code in rule.get("onExitCodes", {}).get("values", [])
        ]
        for index, code in enumerate(codes):
            if not code:
                continue
            code = code if code > 0 else 128 - code
            self.failures[name] = self.failures.get(name, 0) + 1
            if code in own:
                self.fail(
                    job, "PodFailurePolicy", f"Container pytorch for pod {name}-{index} failed with exit code {code}"
                )
            elif self.failures[name] > spec["backoffLimit"]:
                self.fail(job, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
            else:
                pods[index] = self.start(job, index, self.failures[name])

    def fail(self, job: dict, reason: str, message: str) -> None:
        """End a job badly."""
        failed = {"type": "Failed", "status": "True", "reason": reason, "message": message}
        job["status"] = {"conditions": [failed], "failed": self.failures[job["metadata"]["name"]]}

    def start(self, job: dict, index: int, attempt: int) -> Pod:
        """Start a pod as a process."""
        name = f"{job['metadata']['name']}-{index}-try{attempt}"
        container = job["spec"]["template"]["spec"]["containers"][0]
        command = [sys.executable if part == "python" else part for part in container["command"]]
        command = [str(self.folder / name) if part == "/scratch" else part for part in command]
        variables = {one["name"]: one["value"] for one in container["env"]}
        here = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(self.port), "JOB_COMPLETION_INDEX": str(index)}
        log = self.folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(command, env={**os.environ, **variables, **here}, stdout=file, stderr=file)
        return Pod(name, process, log)

    def log(self, pod: str, lines: int) -> tuple[int, dict | str]:
        """Return the last lines of a pod."""
        path = self.folder / f"{pod}.log"
        return (200, "".join(path.read_text().splitlines(True)[-lines:])) if path.exists() else (404, status(404, pod))

    def forget(self, path: str) -> None:
        """Remove an object with its pods and what it owns."""
        gone = self.objects.pop(path)["metadata"]
        self.pods.pop(gone["name"], None)
        for other, found in list(self.objects.items()):
            if any(owner["uid"] == gone["uid"] for owner in found["metadata"].get("ownerReferences", [])):
                del self.objects[other]

    def close(self) -> None:
        """End every pod."""
        for pods in self.pods.values():
            for pod in pods:
                pod.process.kill()
                pod.process.wait()


def facts(pod: Pod) -> dict:
    code = pod.process.poll()
    return {"metadata": {"name": pod.name}, "status": {"phase": "Failed" if code else "Running"}}


def status(code: int, path: str) -> dict:
    """Return Kubernetes' words for a no."""
    plural, name = re.sub(r".*/namespaces/[^/]+/", "", path).partition("/")[::2]
    words = {403: "is forbidden", 404: "not found", 409: "already exists"}.get(code, "failed")
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": REASONS[code], "code": code,
        "message": f'{plural} "{name}" {words}',
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(server: Server) -> ThreadingHTTPServer:
    """Return an HTTP server on a free port that answers for `server`; close it with shutdown and server_close."""

    class Handler(BaseHTTPRequestHandler):
        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            text = self._body()
            code, said = server.answer(self.command, parts.path, parse_qs(parts.query), json.loads(text or b"{}"))
            body = (said if isinstance(said, str) else json.dumps(said)).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(said, str) else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    return http


def kubeconfig(port: int) -> str:
    """Return a kubeconfig for that server."""
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {}}], "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    })  # fmt: skip
