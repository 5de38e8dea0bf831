"""A running `usage-import up` for tests: its process, its commands, its API, and how it is started and ended."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import ROOT, Answer, clean_environment

STORY = ROOT / "data-samples/01-clean-month"
CLOCK = "2026-11-02T06:00:00Z"
PATIENCE_SECONDS = 240
RUN_ADDRESS = re.compile(r"this run: (http://127\.0\.0\.1:\d+)/runs/flow-run/([0-9a-f-]{36})")


@dataclass
class Stack:
    """A running `usage-import up`: its process, its home, and the lines it has written."""

    process: subprocess.Popen[str]
    folder: Path
    api_url: str = ""
    output: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return environment_of(self.folder)

    def command(
        self, *arguments: str | Path, exit_code: int = 0, environment: Mapping[str, str] | None = None
    ) -> Answer:
        ended = subprocess.run(
            [sys.executable, "-m", "flows", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert ended.returncode == exit_code, (
            f"{ended.returncode}\n{ended.stdout[-2000:]}\n{ended.stderr[-4000:]}"
        )
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    def api(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer of the Prefect API; a body is posted."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api_url + path, data, {"content-type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api(
            "/flow_runs/filter",
            {"deployments": {"name": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"},
        )
        return found

    def artifacts(self, run_id: str) -> dict[str, str]:
        """Return the artifacts of a run: key and markdown."""
        found = self.api("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run_id]}}})
        return {artifact["key"]: artifact["data"] for artifact in found}

    def children(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found


def environment_of(folder: Path) -> dict[str, str]:
    """Return an environment in which only a stack in this folder names a Prefect API."""
    clean = clean_environment() | {"USAGE_IMPORT_HOME": str(folder / "home")}
    return {name: value for name, value in clean.items() if name != "PREFECT_API_URL"}


def until(is_so: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the value of a function as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (answer := is_so()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.2)
    return answer


def start_up(folder: Path) -> Stack:
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "up"],
        cwd=folder,
        env=environment_of(folder) | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Stack(process, folder)


def hear(stack: Stack, awaited: str) -> None:
    """Read the lines of a stack until one has the awaited text."""
    assert stack.process.stderr is not None
    for line in stack.process.stderr:
        stack.output.append(line.rstrip())
        if awaited in line:
            return
    raise AssertionError(f"it ended without saying {awaited!r}: {stack.output}")


def put_down(stack: Stack) -> None:
    """End a stack in whatever state a test has left it."""
    stack.process.send_signal(signal.SIGINT)
    try:
        stack.process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        stack.process.kill()
        stack.process.communicate()


def outliving(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those of some processes that do not end within 20 seconds."""
    alive: list[psutil.Process] = psutil.wait_procs(processes, timeout=20)[1]
    return alive


def run_of(answer: Answer) -> tuple[str, str]:
    found = RUN_ADDRESS.search(answer.err)
    assert found is not None, answer.err
    return found[1], found[2]


def good_row(key: str, *, month: int = 10) -> str:
    event = {
        "eventName": "api_request",
        "externalCustomerId": "harbour-logistics",
        "timestamp": f"2026-{month:02}-05T00:00:00Z",
    }
    return json.dumps(event | {"idempotencyKey": key}) + "\n"


def processes_of(stack: Stack) -> list[psutil.Process]:
    """Return the processes of a stack, or none before its server and its deployments have begun."""
    commands: dict[psutil.Process, str] = {}
    for one in stack.children():
        with suppress(psutil.NoSuchProcess):
            commands[one] = " ".join(one.cmdline())
    is_up = all(
        any(name in line for line in commands.values())
        for name in ("server start", "flows.orchestration.deployments")
    )
    return list(commands) if is_up else []
