"""The local stack as a person has it: `usage-import up` as a process, imports through its Prefect, its pages read back.

One stack serves the whole module, a real Prefect server needs some 20 seconds to come up; the tests run in the order in
which they stand, and the last one kills the server.
"""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import ROOT, Answer, UsageImport, clean_environment

STORY = ROOT / "data-samples/01-clean-month"
CLOCK = "2026-11-02T06:00:00Z"
PATIENCE_SECONDS = 240
HOSTILE = "<script>alert(1)</script> a|b `c` *d* [e](javascript:f)"
RUN_ADDRESS = re.compile(r"this run: (http://127\.0\.0\.1:\d+)/runs/flow-run/([0-9a-f-]{36})")


@dataclass
class Stack:
    """A running `usage-import up`: its process, its home, and what it has said."""

    process: subprocess.Popen[str]
    folder: Path
    api_url: str = ""
    said: list[str] = field(default_factory=list)

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
        """What the Prefect API answers; a body is posted."""
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
        """The artifacts of a run: key and markdown."""
        found = self.api("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run_id]}}})
        return {artifact["key"]: artifact["data"] for artifact in found}

    def children(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found


def environment_of(folder: Path) -> dict[str, str]:
    """An environment in which nothing but a stack in this folder names a Prefect API."""
    clean = clean_environment() | {"USAGE_IMPORT_HOME": str(folder / "home")}
    return {name: value for name, value in clean.items() if name != "PREFECT_API_URL"}


def until(is_so: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS) -> Any:
    """What a question answers as soon as it answers with anything."""
    deadline = time.monotonic() + seconds
    while not (answer := is_so()):
        assert time.monotonic() < deadline, "it never came about"
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
    """Read what the stack says until it says something."""
    assert stack.process.stderr is not None
    for line in stack.process.stderr:
        stack.said.append(line.rstrip())
        if awaited in line:
            return
    raise AssertionError(f"it ended without saying {awaited!r}: {stack.said}")


def put_down(stack: Stack) -> None:
    """End a stack, whatever a test has made of it."""
    stack.process.send_signal(signal.SIGINT)
    try:
        stack.process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        stack.process.kill()
        stack.process.communicate()


def outliving(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those of some processes that do not end within a while."""
    alive: list[psutil.Process] = psutil.wait_procs(processes, timeout=20)[1]
    return alive


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up, with the story's catalog loaded."""
    started = start_up(tmp_path_factory.mktemp("stack"))
    try:
        hear(started, "Ctrl-C")
        started.api_url = (
            next(line.split()[1] for line in started.said if line.startswith("Prefect:")) + "/api"
        )
        started.command("catalog", STORY / "catalog", "--clock", "2026-10-01T00:00:00Z")
        yield started
    finally:
        put_down(started)


@pytest.fixture(scope="module")
def backfill(stack: Stack) -> str:
    """The id of a run of the backfill deployment, begun and not waited for."""
    deployment = stack.api("/deployments/name/import-usage/backfill")
    source = stack.folder / "backfill.jsonl"
    source.write_text("".join(good_row(f"backfill-{number}", month=9) for number in range(50)))
    asked = {"sources": ["backfill.jsonl"], "clock": CLOCK, "reason": "a backfill"}
    run = stack.api(f"/deployments/{deployment['id']}/create_flow_run", {"parameters": asked})
    return str(run["id"])


@pytest.fixture(scope="module")
def october(stack: Stack, backfill: str) -> Answer:
    """What `run` says of a month imported through the flow."""
    return stack.command("run", STORY / "october.jsonl", "--clock", CLOCK, "--wait", "--json")


def test_up_says_where_it_answers(stack: Stack) -> None:
    """Addresses of the pages, the deployments and the database; what takes seconds is announced before it begins."""
    assert stack.said[0].startswith("starting the database, the Prefect server and its deployments")
    assert [line.partition(":")[0] for line in stack.said[1:4]] == ["Prefect", "deployments", "database"]
    with urllib.request.urlopen(stack.api_url.removesuffix("/api"), timeout=30) as page:
        assert b"<html" in page.read().lower()


def test_another_up_is_told_of_the_first(stack: Stack) -> None:
    """A second stack in the same home is refused in one line that says where the first answers."""
    answer = stack.command("up", exit_code=1)
    assert len(answer.err.splitlines()) == 1
    assert stack.api_url.removesuffix("/api") in answer.err


def test_the_nightly_deployment_produces_scheduled_runs(stack: Stack) -> None:
    """The cron of prefect.yaml really schedules: runs at two o'clock wait to be made."""
    scheduled = until(lambda: stack.runs("nightly-import"), seconds=90)
    assert {run["state"]["type"] for run in scheduled} == {"SCHEDULED"}
    assert {run["expected_start_time"][10:19] for run in scheduled} == {"T02:00:00"}
    assert scheduled[0]["parameters"] == {"sources": ["exports"]}


def test_run_goes_through_the_flow_and_prints_its_address(stack: Stack, october: Answer) -> None:
    """`run` finds the stack by itself, gives its ledger on standard output and the run's address on standard error."""
    assert (october.json["status"], october.json["rows"], october.json["new"]) == ("published", 39, 39)
    address, run_id = run_of(october)
    assert address == stack.api_url.removesuffix("/api")
    run = stack.api(f"/flow_runs/{run_id}")
    assert run["name"] == f"{STORY / 'october.jsonl'} 2026-11-02"
    assert run["state"]["type"] == "COMPLETED"
    assert (
        run["state"]["message"]
        == f"import {october.json['import_id']} published: 39 rows of 1 file (39 new), 9 lines changed"
    )


def run_of(answer: Answer) -> tuple[str, str]:
    found = RUN_ADDRESS.search(answer.err)
    assert found is not None, answer.err
    return found[1], found[2]


def test_a_run_through_the_flow_is_quiet(october: Answer) -> None:
    """Of Prefect itself not a word reaches the terminal."""
    assert [line.partition(" ")[0] for line in october.err.splitlines()] == ["starting", "this"]


def test_a_task_is_a_stage_or_a_file(stack: Stack, october: Answer) -> None:
    """The run reads as a table of contents; the tasks' names say the stage or the file."""
    query = {"flow_runs": {"id": {"any_": [run_of(october)[1]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    tasks = until(lambda: completed(stack.api("/task_runs/filter", query)))
    assert sorted(task["name"] for task in tasks) == sorted(
        [
            "list and hash sources",
            "begin",
            f"load {STORY / 'october.jsonl'}",
            "deduplicate, roll up and publish",
            "write artifacts",
        ]
    )


def completed(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tasks of a run once all five have been told to the server, which hears of them with a delay."""
    return tasks if len(tasks) == 5 and {task["state_type"] for task in tasks} == {"COMPLETED"} else []


def test_no_secret_is_a_parameter(stack: Stack, october: Answer) -> None:
    """Parameters hold paths, an instant and switches; no address of a database."""
    run = stack.api(f"/flow_runs/{run_of(october)[1]}")
    assert set(run["parameters"]) == {
        "sources",
        "catalog",
        "mapping",
        "clock",
        "max_rejected",
        "reason",
        "wait",
    }
    assert "postgres" not in json.dumps(run)


def test_the_ledger_is_read_back(stack: Stack, october: Answer) -> None:
    """The run's page has the ledger and the usage that changed, under keys that name the import."""
    import_id = october.json["import_id"]
    artifacts = stack.artifacts(run_of(october)[1])
    assert set(artifacts) == {f"import-{import_id}-ledger", f"import-{import_id}-usage"}
    ledger = artifacts[f"import-{import_id}-ledger"]
    assert ledger.startswith(f"# Import {import_id}: published\n")
    assert "| 39 | 39 | 0 | 0 | 0 | 0 |" in ledger
    assert october.json["files"][0]["sha256"][:12] in ledger
    usage = artifacts[f"import-{import_id}-usage"]
    assert (
        "|  | 12 | +12 | api\\_requests |  | 2026-10-01 | harbour-logistics | contract\\_harbour |" in usage
    )


def test_the_flow_and_the_direct_way_give_the_same_lines(
    stack: Stack, october: Answer, backfill: str, usage_import: UsageImport
) -> None:
    """One path, two ways in: ledger and lines are those of the stages called directly."""
    until(lambda: stack.api(f"/flow_runs/{backfill}")["state"]["type"] == "COMPLETED")
    usage_import("catalog", STORY / "catalog", "--clock", "2026-10-01T00:00:00Z")
    direct = usage_import(
        "run", STORY / "october.jsonl", "--clock", CLOCK, "--json", environment={"PREFECT_API_URL": ""}
    )
    same = (
        "clock",
        "rows",
        "new",
        "duplicate",
        "corrected",
        "rejected",
        "unassigned_by_reason",
        "lines_changed",
    )
    assert {name: direct.json[name] for name in same} == {name: october.json[name] for name in same}
    asked = ("usage", "--period", "2026-10", "--format", "csv")
    assert without_ids(stack.command(*asked).out) == without_ids(usage_import(*asked).out)


def without_ids(lines: str) -> list[str]:
    """Usage lines as CSV without the columns that count imports and revisions."""
    return [line.rsplit(",", 2)[0] for line in lines.splitlines()]


def test_the_backfill_deployment_runs(stack: Stack, backfill: str) -> None:
    """A run asked for on the deployment's page imports what its parameters name, and says what became of it."""
    run = until(lambda: (found := stack.api(f"/flow_runs/{backfill}")) and found["end_time"] and found)
    assert run["state"]["message"].startswith("import "), run["state"]
    assert " published: 50 rows of 1 file (50 new)" in run["state"]["message"]
    imports = json.loads(stack.command("imports", "--json").out)
    assert [made["reason"] for made in imports if made["flow_run_id"] == backfill] == ["a backfill"]


def test_known_files_are_a_run_that_says_so(stack: Stack, october: Answer) -> None:
    """The same file again is a completed run whose message says that nothing was new."""
    again = stack.command("run", STORY / "october.jsonl", "--clock", CLOCK, "--json")
    assert again.json["status"] == "unchanged"
    state = stack.api(f"/flow_runs/{run_of(again)[1]}")["state"]
    assert (state["type"], state["message"][:10]) == ("COMPLETED", "unchanged:")


def test_rejections_are_read_back_and_harmless(stack: Stack) -> None:
    """Reasons with counts and first examples; what a hostile export wrote means nothing to markdown, HTML or a terminal."""
    rows = [{"eventName": "x", "externalCustomerId": HOSTILE, "timestamp": "2026-10-01T00:00:00Z"}] * 4
    source = stack.folder / "we|ird <b>*name*<b>.jsonl"
    source.write_text(
        "".join(json.dumps(row) + "\n" for row in [*rows, {"eventName": "x"}]) + good_row("hostile")
    )
    answer = stack.command("run", source, "--clock", CLOCK, "--max-rejected", "90%", "--json", "--wait")
    import_id = answer.json["import_id"]
    page = stack.artifacts(run_of(answer)[1])[f"import-{import_id}-rejections"]
    assert page.startswith(f"# Import {import_id}: 5 of 6 rows rejected\n")
    assert "| customer_not_found | 4 |\n| missing_customer | 1 |" in page
    assert "**4 rows, customer_not_found**: Customer not found" in page
    assert page.count("row 1; ") == 1
    assert r"\<script\>alert(1)\</script\> a\|b \`c\` \*d\* \[e\](javascript:f)" in page
    assert not re.search(
        r"(?<!\\)[<|*\[]", page[page.index("Customer not found") : page.index("\n", page.index("row 1;"))]
    )
    assert "\x1b" not in page + answer.err


def good_row(key: str, *, month: int = 10) -> str:
    event = {
        "eventName": "api_request",
        "externalCustomerId": "harbour-logistics",
        "timestamp": f"2026-{month:02}-05T00:00:00Z",
    }
    return json.dumps(event | {"idempotencyKey": key}) + "\n"


def test_an_import_above_its_limit_fails_its_run(stack: Stack) -> None:
    """The run has failed with the one line that the command prints; the rejections are on its page."""
    source = stack.folder / "half.jsonl"
    source.write_text(good_row("half") + '{"eventName": "x"}\n')
    answer = stack.command("run", source, "--clock", CLOCK, "--wait", exit_code=1)
    last = answer.err.splitlines()[-1].removeprefix("usage-import: ")
    assert "1 of 2 rows rejected" in last
    run_id = run_of(answer)[1]
    state = stack.api(f"/flow_runs/{run_id}")["state"]
    assert (state["type"], state["message"]) == ("FAILED", last)
    assert any("rejections" in key for key in stack.artifacts(run_id))


def test_a_file_that_cannot_be_read_fails_its_run(stack: Stack) -> None:
    """The other files end with it, nothing counts, no traceback reaches the user, and the page says why."""
    (stack.folder / "broken").mkdir()
    (stack.folder / "broken/a.jsonl").write_text(good_row("beside"))
    (stack.folder / "broken/b.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00no gzip at all")
    answer = stack.command("run", "broken", "--clock", CLOCK, "--wait", exit_code=1)
    last = answer.err.splitlines()[-1].removeprefix("usage-import: ")
    assert "b.jsonl.gz" in last
    assert "Traceback" not in answer.err
    run_id = run_of(answer)[1]
    state = stack.api(f"/flow_runs/{run_id}")["state"]
    assert (state["type"], state["message"]) == ("FAILED", last)
    (page,) = stack.artifacts(run_id).values()
    assert ": failed" in page
    assert "beside" not in stack.command("events", "--json").out


def test_prefect_deploy_reads_the_same_file(stack: Stack) -> None:
    """`prefect deploy --all` accepts prefect.yaml for a work pool, schedule and concurrency limit included."""
    stack.api("/work_pools/", {"name": "usage-import", "type": "process"})
    environment = stack.environment | {
        "PREFECT_API_URL": stack.api_url,
        "PREFECT_HOME": str(stack.folder / "client"),
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    deployed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    nightly = stack.api("/deployments/name/import-usage/nightly-import")
    assert nightly["work_pool_name"] == "usage-import"
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["schedules"][0]["schedule"] | {"day_or": True} == {
        "cron": "0 2 * * *",
        "timezone": "UTC",
        "day_or": True,
    }
    assert nightly["entrypoint"] == "flows/orchestration/import_flow.py:import_usage"


@pytest.fixture(scope="module")
def many(stack: Stack) -> Path:
    """A file that takes some seconds in chunks of 200 rows."""
    source = stack.folder / "many.jsonl"
    source.write_text("".join(good_row(f"many-{number}") for number in range(40_000)))
    return source


def begin_run(stack: Stack, source: Path) -> subprocess.Popen[str]:
    """An import of a file, once its flow has begun."""
    importing = subprocess.Popen(
        [sys.executable, "-m", "flows", "run", source, "--clock", CLOCK, "--wait", "--json"],
        cwd=stack.folder,
        env=stack.environment | {"USAGE_IMPORT_CHUNK_ROWS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert importing.stderr is not None
    early = [importing.stderr.readline(), importing.stderr.readline()]
    assert "this run" in early[-1], early
    return importing


def test_ctrl_c_is_heard_in_the_middle_of_an_import(stack: Stack, many: Path) -> None:
    """One line, no traceback, and nothing counts yet."""
    importing = begin_run(stack, many)
    time.sleep(1)
    importing.send_signal(signal.SIGINT)
    out, err = importing.communicate(timeout=60)
    assert (importing.returncode, out) == (1, "")
    assert err.splitlines() == [
        "usage-import: interrupted; what was committed is kept, the same command goes on from there"
    ]
    assert (
        stack.command("events", "--name", "api_request", "--limit", "1000", "--json").out.count("many-") == 0
    )


def test_without_its_server_an_import_still_ends(stack: Stack, many: Path) -> None:
    """The server is killed in the middle of an import: it ends all the same, in the database, and says so."""
    importing = begin_run(stack, many)
    family = stack.children()
    next(child for child in family if "server" in child.cmdline()).kill()
    out, err = importing.communicate(timeout=PATIENCE_SECONDS)
    assert importing.returncode == 0, err
    assert (json.loads(out)["status"], json.loads(out)["new"]) == ("published", 40_000)
    assert "stopped answering" in err
    assert len(err.splitlines()) == 1, err
    _, said = stack.process.communicate(timeout=60)
    assert stack.process.returncode == 1
    assert "the Prefect server ended by itself" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not outliving(family)


def test_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    """Also while it is still starting: nothing of the stack outlives it, and it exits with 0."""
    starting = start_up(tmp_path)
    family = until(lambda: processes_of(starting))
    starting.process.send_signal(signal.SIGINT)
    _, said = starting.process.communicate(timeout=60)
    assert starting.process.returncode == 0
    assert said.splitlines()[-1] == "all of it has ended"
    assert not outliving(family)


def processes_of(stack: Stack) -> list[psutil.Process]:
    """The processes of a stack, once its server and its deployments have begun."""
    told: dict[psutil.Process, str] = {}
    for one in stack.children():
        with suppress(psutil.NoSuchProcess):
            told[one] = " ".join(one.cmdline())
    is_up = all(
        any(name in line for line in told.values())
        for name in ("server start", "flows.orchestration.deployments")
    )
    return list(told) if is_up else []


def test_nothing_of_a_killed_stack_is_in_the_way(tmp_path: Path) -> None:
    """After a `kill -9` its processes end by themselves, and the next `up` begins in the same home."""
    killed = start_up(tmp_path)
    family = until(lambda: processes_of(killed))
    ours = [one for one in family if one.is_running() and "child_process" in " ".join(one.cmdline())]
    assert len(ours) == 2
    killed.process.kill()
    killed.process.communicate()
    assert not outliving(ours)
    second = start_up(tmp_path)
    until(lambda: processes_of(second))
    second.process.send_signal(signal.SIGTERM)
    second.process.communicate(timeout=60)
    assert second.process.returncode == 0
