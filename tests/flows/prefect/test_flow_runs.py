"""An import through the Prefect flow: the run's name, tasks, parameters and end, and the command beside it."""

import json
import urllib.error
from typing import Any

import pytest

from tests.conftest import Answer, UsageImport
from tests.flows.prefect.conftest import Imported
from tests.flows.prefect.stack import CLOCK, STORY, Stack, good_row, run_of, until


def test_run_goes_through_the_flow_and_prints_its_address(stack: Stack, october: Answer) -> None:
    """`run` finds the stack by itself, gives its ledger on standard output and the run's address on standard error."""
    assert (october.json["status"], october.json["rows"], october.json["new"]) == ("published", 39, 39)
    address, run_id = run_of(october)
    assert address == stack.api_url.removesuffix("/api")
    run = stack.api(f"/flow_runs/{run_id}")
    assert run["name"] == f"{STORY / 'october.jsonl'} 2026-11-02"
    assert run["state"]["type"] == "COMPLETED"
    assert run["state"]["message"] == (
        f"import {october.json['import_id']} published: 39 rows of 1 file (39 new), 39 events on a line, 0 on none; "
        "9 usage lines changed (9 new; 9 of them due)"
    )


def test_a_run_through_the_flow_is_quiet(october: Answer) -> None:
    """Of Prefect itself not a word reaches the terminal."""
    lines = [line for line in october.err.splitlines() if line != "waiting for another import …"]
    assert [line.partition(" ")[0] for line in lines] == ["starting", "this"]


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
    """Return the tasks of a run once the server knows all five, of which it hears with a delay."""
    return tasks if len(tasks) == 5 and {task["state_type"] for task in tasks} == {"COMPLETED"} else []


def test_no_secret_is_a_parameter(stack: Stack, october: Answer) -> None:
    """Parameters hold paths, an instant and switches; no address of a database."""
    run = stack.api(f"/flow_runs/{run_of(october)[1]}")
    assert set(run["parameters"]) == {
        "sources",
        "catalog",
        "mapping",
        "clock",
        "future",
        "max_rejected",
        "set_aside",
        "max_unassigned",
        "allow_withdrawn",
        "reason",
        "wait",
    }
    assert "postgres" not in json.dumps(run)


def test_the_flow_and_the_direct_way_give_the_same_lines(
    imported: Imported, usage_import: UsageImport
) -> None:
    """One path, two ways in: ledger and lines are those of the stages called directly."""
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
    expected = imported.answer.json
    assert {name: direct.json[name] for name in same} == {name: expected[name] for name in same}
    lines = usage_import("usage", "--period", "2026-10", "--format", "csv").out
    assert without_ids(lines) == without_ids(imported.lines)


def without_ids(lines: str) -> list[str]:
    """Usage lines as CSV without the columns that count imports and revisions."""
    return [line.rsplit(",", 2)[0] for line in lines.splitlines()]


def test_known_files_are_a_run_that_says_so(stack: Stack, october: Answer) -> None:
    """The same file again is a completed run whose message says that nothing was new."""
    again = stack.command("run", STORY / "october.jsonl", "--clock", CLOCK, "--json")
    assert again.json["status"] == "unchanged"
    state = stack.api(f"/flow_runs/{run_of(again)[1]}")["state"]
    assert (state["type"], state["message"][:10]) == ("COMPLETED", "unchanged:")


def test_an_import_above_its_limit_fails_its_run(stack: Stack, october: Answer) -> None:
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


def test_a_file_that_cannot_be_read_fails_its_run(stack: Stack, october: Answer) -> None:
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


def test_a_catalog_is_loaded_first(stack: Stack, october: Answer) -> None:
    """`run --catalog` loads the catalog in the same run, before it lists the files."""
    answer = stack.command(
        "run", STORY / "october.jsonl", "--catalog", STORY / "catalog", "--clock", CLOCK, "--json", "--wait"
    )
    assert answer.json["status"] == "unchanged"
    query = {"flow_runs": {"id": {"any_": [run_of(answer)[1]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    tasks = until(lambda: len(found := stack.api("/task_runs/filter", query)) == 3 and found)
    assert [task["name"] for task in tasks] == ["load catalog", "list and hash sources", "begin"]


def test_a_wrong_catalog_fails_its_run(stack: Stack, october: Answer) -> None:
    """Every problem of the catalog is printed, the exit code is that of the direct way, and nothing is imported."""
    (stack.folder / "wrong").mkdir()
    (stack.folder / "wrong/customers.json").write_text('[{"id": 7}, {"name": "nameless"}]')
    source = stack.folder / "unread.jsonl"
    source.write_text(good_row("unread"))
    words = ("run", source, "--clock", CLOCK, "--wait", "--catalog")
    for catalog, exit_code in (("wrong", 1), ("nowhere", 2)):
        through_flow = stack.command(*words, catalog, exit_code=exit_code)
        direct = stack.command(*words, catalog, exit_code=exit_code, environment={"PREFECT_API_URL": ""})
        assert through_flow.err.splitlines()[2:] == direct.err.splitlines()[1:]
        state = stack.api(f"/flow_runs/{run_of(through_flow)[1]}")["state"]
        last = through_flow.err.splitlines()[-1].removeprefix("usage-import: ")
        assert (state["type"], state["message"]) == ("FAILED", last)
    assert "unread" not in stack.command("events", "--json").out


def test_a_source_with_credentials_is_kept_nowhere(stack: Stack, imported: Imported) -> None:
    """Prefect refuses such parameters before it keeps them, the command before it asks; no file of the stack has the secret."""
    canary = "c4n4ry"
    deployment = stack.api("/deployments/name/import-usage/backfill")
    for source in (f"s3://AKIA:{canary}@bucket/x.jsonl", f"az://container/x.jsonl?sv=1&sig={canary}"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            stack.api(
                f"/deployments/{deployment['id']}/create_flow_run", {"parameters": {"sources": [source]}}
            )
        refused.value.close()
        assert canary not in stack.command("run", source, exit_code=2).err
    kept = [file for file in stack.folder.rglob("*") if file.is_file()]
    assert any(file.name == "prefect.db" for file in kept)
    assert [str(file) for file in kept if canary.encode() in file.read_bytes()] == []
