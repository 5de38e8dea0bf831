"""The local stack as a process, `usage-import up`: its answers, Ctrl-C, the death of its server, a `kill -9`.

The tests run in the order in which they stand; the last of those that share the stack kills its server.
"""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.flows.prefect.stack import (
    CLOCK,
    PATIENCE_SECONDS,
    Stack,
    good_row,
    outliving,
    processes_of,
    start_up,
    until,
)


def test_up_prints_its_addresses(stack: Stack) -> None:
    """It prints the addresses of the pages, the deployments and the database, and announces a wait before it begins."""
    assert stack.output[0].startswith("starting the database, the Prefect server and its deployments")
    assert [line.partition(":")[0] for line in stack.output[1:4]] == ["Prefect", "deployments", "database"]
    with urllib.request.urlopen(stack.api_url.removesuffix("/api"), timeout=30) as page:
        assert b"<html" in page.read().lower()


def test_another_up_names_the_first(stack: Stack) -> None:
    """A second stack in the same home is refused in one line that says where the first answers."""
    answer = stack.command("up", exit_code=1)
    assert len(answer.err.splitlines()) == 1
    assert stack.api_url.removesuffix("/api") in answer.err


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
    _, err = stack.process.communicate(timeout=60)
    assert stack.process.returncode == 1
    assert "the Prefect server ended by itself" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert not outliving(family)


def test_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    """Also while it is still starting: nothing of the stack outlives it, and it exits with 0."""
    starting = start_up(tmp_path)
    family = until(lambda: processes_of(starting))
    starting.process.send_signal(signal.SIGINT)
    _, err = starting.process.communicate(timeout=60)
    assert starting.process.returncode == 0
    assert err.splitlines()[-1] == "all of it has ended"
    assert not outliving(family)


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
