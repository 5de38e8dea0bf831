"""Interruption: killed, interrupted or met by another at any step, an import ends as if nothing had happened.

Commands are stopped where a test wants them to be (``stopping``); nothing of them is mocked.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.flows.desk import CALLS, CLOCK, TOTAL, Desk, catalog_of, event, meter
from tests.flows.stopping import (
    PATIENCE_SECONDS,
    STEPS,
    WAITING_HERE,
    ended,
    started,
    stopped_at,
    wait_for,
    wait_until_stopped,
)

METERS = (CALLS, TOTAL, meter("most", "MAX", "n"))


ANYWHERE = {"database": "each desk has its own"}


def an_export(desk: Desk) -> list[str]:
    """Write two files with rows of every outcome, and return the command that imports them."""
    bad = event(externalCustomerId="nobody")
    first = [event(idempotencyKey=f"k{n}", properties={"n": n}) for n in range(40)]
    second = [event(idempotencyKey=f"k{n}", properties={"n": 2 * n}) for n in range(0, 40, 3)]
    keyless = [event(properties={"n": 1}), event(properties={"n": 1}), event(timestamp=None)]
    paths = [
        desk.write("1.jsonl", *first[:25], bad, *first[25:], *keyless, bad),
        desk.write("2.jsonl", *second, *first[30:], *keyless),
    ]
    return ["run", *map(str, paths), "--clock", CLOCK, "--json"]


def begin(desk: Desk) -> None:
    """Load a catalog, and import a file whose events later imports meet."""
    desk.catalog(catalog_of(*METERS))
    desk.run(
        desk.write("0.jsonl", *(event(idempotencyKey=f"k{n}", properties={"n": n}) for n in range(0, 40, 2)))
    )


def everything(desk: Desk) -> dict[str, Any]:
    """Return all that commands show and the database stores."""
    return {
        "usage": desk.usage(),
        "events": desk("events", "--limit", "1000", "--json").json,
        "rejects": desk("rejects", "3", "--json").json,
        "kept": kept(desk),
    }


def kept(desk: Desk) -> list[list[tuple[Any, ...]]]:
    """Return the stored events, files and lines."""
    return [
        desk.select(
            "select key::text, file_id, row, version_file_id, version_row from duplicates order by 2, 3"
        ),
        desk.select("select key::text, file_id, row, standing from superseded order by 1, 2, 3"),
        desk.select("select key::text, file_id, row, at, properties::text from events order by 1"),
        desk.select("select file_id, uri, published_import_id from files order by 1"),
        desk.select("select line_id::text, revision, quantity, event_count from usage_lines order by 1, 2"),
        desk.select("select tablename::text from pg_tables where tablename like 'arrival%'"),
    ]


def undisturbed(desk: Desk) -> tuple[Any, dict[str, Any]]:
    """Return the ledger, and all that commands show, of an import without any interruption."""
    begin(desk)
    return desk(*an_export(desk), environment={"USAGE_IMPORT_CHUNK_ROWS": "10"}).json, everything(desk)


def test_killed_at_every_step_it_ends_as_if_nothing_had_happened(desk: Desk, other_desk: Desk) -> None:
    """`kill -9` while registering, loading, deduplicating, merging, rolling up, publishing: the same command ends it, once."""
    begin(desk)
    command = an_export(desk)
    for step in STEPS:
        with stopped_at(desk, step) as connection:
            process = started(desk, *command)
            wait_until_stopped(connection, process)
            process.kill()
            process.communicate(timeout=PATIENCE_SECONDS)
        assert desk.select("select count(*) from imports where status = 'published' and kind = 'import'") == [
            (1,)
        ], step
    code, out, _ = ended(started(desk, *command))
    assert code == 0
    ledger, expected = undisturbed(other_desk)
    assert json.loads(out) | ANYWHERE == ledger | ANYWHERE
    assert everything(desk) == expected


@pytest.mark.parametrize(
    ("sent", "step"),
    [
        (signal.SIGINT, "a chunk is being loaded"),
        (signal.SIGTERM, "lines are being written"),
        (signal.SIGHUP, "a chunk is being loaded"),
        (signal.SIGQUIT, "events are being merged"),
    ],
    ids=[
        "ctrl-c-while-loading",
        "terminated-while-publishing",
        "terminal-closed-while-loading",
        "quit-while-merging",
    ],
)
def test_interrupted_it_goes_on_from_where_it_was(
    desk: Desk, other_desk: Desk, sent: signal.Signals, step: str
) -> None:
    """Ctrl-C ends in one line and exit code 1; chunks that were committed are not read again, and the end is the same."""
    begin(desk)
    command = an_export(desk)
    with stopped_at(desk, step) as connection:
        process = started(desk, *command)
        wait_until_stopped(connection, process)
        process.send_signal(sent)
        time.sleep(0.3)
    code, out, lines = ended(process)
    assert (code, out) == (1, "")
    assert "interrupted" in lines[-1]
    loaded = desk.select(
        "select file_id, last_row, committed_at from chunks where import_id = 3 order by 1, 2"
    )
    assert loaded
    blocked = desk("run", desk.write("other.jsonl", event()), "--clock", CLOCK, exit_code=1)
    assert "import 3 is unfinished" in blocked.err.splitlines()[-1]
    assert "usage-import revert 3" in blocked.err.splitlines()[-1]
    answer = desk(*command, environment={"USAGE_IMPORT_CHUNK_ROWS": "10"}).json
    kept = desk.select("select file_id, last_row, committed_at from chunks where import_id = 3 order by 1, 2")
    assert set(loaded) <= set(kept)
    ledger, expected = undisturbed(other_desk)
    assert answer | ANYWHERE == ledger | ANYWHERE
    assert everything(desk) == expected


def test_a_second_import_is_refused_or_waits(desk: Desk) -> None:
    """While one import is at work another one, a rollup and a revert are refused in one line; with --wait it comes after.

    The same files from another process at the same time count once.
    """
    begin(desk)
    path = desk.write("late.jsonl", event(idempotencyKey="late"))
    with stopped_at(desk, "lines are being written") as connection:
        first = started(desk, *an_export(desk))
        wait_until_stopped(connection, first)
        for command in (["run", str(path), "--clock", CLOCK], ["rollup"], ["revert", "3"]):
            answer = desk(*command, exit_code=1)
            assert "another import is at work" in answer.err.splitlines()[-1]
        second = started(desk, "run", path, "--clock", CLOCK, "--wait", "--json")
        again = started(desk, *an_export(desk), "--wait")
        wait_for(connection, WAITING_HERE, "> 2")
    assert ended(first)[0] == 0
    code, out, _ = ended(second)
    assert (code, json.loads(out)["new"]) == (0, 1)
    code, out, _ = ended(again)
    assert (code, json.loads(out)["status"]) == (0, "unchanged")


def test_a_folder_that_has_grown_since_is_gone_on_with(desk: Desk) -> None:
    """A schedule that reads a folder is not stopped by a file that has arrived since: it becomes part of the import.

    The share of rejected rows that was first requested is kept too. If a file is gone, the message names the ways out.
    """
    begin(desk)
    folder = desk.folder / "exports"
    folder.mkdir()
    rows = [
        event(idempotencyKey=f"n{n}", externalCustomerId="acme" if n % 2 else "nobody") for n in range(40)
    ]
    first = desk.write("exports/1.jsonl", *rows)
    command = ["run", str(folder), "--clock", CLOCK, "--json"]
    with stopped_at(desk, "a chunk is being loaded") as connection:
        process = started(desk, *command, "--max-rejected", "60%")
        wait_until_stopped(connection, process)
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)
    hidden = first.rename(desk.folder / "1.jsonl")
    desk.write("exports/2.jsonl", event(idempotencyKey="more"))
    message = desk(*command, exit_code=1).err.splitlines()[-1]
    assert "import 3 is unfinished, and not all that it began to read is there" in message
    hidden.rename(first)
    ledger = desk(*command).json
    assert (ledger["import_id"], ledger["new"], ledger["rejected"], len(ledger["files"])) == (3, 21, 20, 2)
    assert desk(*command).json["status"] == "unchanged"


def load_carl(desk: Desk) -> None:
    """Load a catalog with one more customer."""
    with_carl = catalog_of(*METERS)
    with_carl["customers"].append({"id": "cus-carl", "name": "Carl", "externalCustomerId": "carl"})
    desk.catalog(with_carl)


def test_a_catalog_is_loaded_beside_no_import(desk: Desk) -> None:
    """All rows of an import are judged by one catalog, and none names a customer that is pruned meanwhile."""
    begin(desk)
    load_carl(desk)
    rows = [event(externalCustomerId="carl", idempotencyKey=f"c{n}") for n in range(30)]
    path = desk.write("carl.jsonl", *rows)
    load = ("catalog", str(desk.write_catalog(catalog_of(*METERS))), "--prune", "--json")
    with stopped_at(desk, "a chunk is being loaded") as connection:
        process = started(desk, "run", path, "--clock", CLOCK)
        wait_until_stopped(connection, process)
        assert "another import is at work" in desk(*load, exit_code=1).err.splitlines()[-1]
        waiting = started(desk, *load, "--wait")
        wait_for(connection, WAITING_HERE, "> 1")
    assert ended(process)[0] == 0
    code, out, _ = ended(waiting)
    assert (code, json.loads(out)["customers"]["pruned"]) == (0, [])
    assert len(desk("events", "--customer", "carl", "--json").json) == 30


def test_an_import_cut_off_is_judged_anew_by_another_catalog(desk: Desk) -> None:
    """The interruption never shows: rows loaded before and after it are judged by the catalog of the end."""
    begin(desk)
    path = desk.write(
        "carl.jsonl", *(event(externalCustomerId="carl", idempotencyKey=f"c{n}") for n in range(30))
    )
    command = ["run", str(path), "--clock", CLOCK, "--json"]
    with stopped_at(desk, "its checkpoint is being written") as connection:
        process = started(desk, *command)
        wait_until_stopped(connection, process)
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)
    assert desk.select("select sum(rejected) from chunks where import_id = 3") == [(20,)]
    load_carl(desk)
    ledger = desk(*command).json
    assert (ledger["import_id"], ledger["new"], ledger["rejected"]) == (3, 30, 0)
    assert desk("rejects", "3", "--json").json == []


def test_readers_see_the_lines_of_before_until_the_publish(desk: Desk) -> None:
    """Lines, events and history change in one moment; until then readers see the state of before."""
    begin(desk)
    before = desk.usage(), desk("events", "--json").out
    with stopped_at(desk, "the ledger is being written") as connection:
        process = started(desk, *an_export(desk))
        wait_until_stopped(connection, process)
        assert (desk.usage(), desk("events", "--json").out) == before
        assert [one["status"] for one in desk("imports", "--json").json] == [
            "loading",
            "published",
            "published",
        ]
    assert ended(process)[0] == 0
    assert desk.usage() != before[0]


def test_a_file_that_changes_while_it_is_read_is_refused(desk: Desk) -> None:
    """A file that grows after it was hashed fails its import, and nothing of it counts; run again, it is a file like any other."""
    begin(desk)
    path = desk.write("growing.jsonl", *(event(idempotencyKey=f"g{n}") for n in range(30)))
    with stopped_at(desk, "the import is being registered") as connection:
        process = started(desk, "run", path, "--clock", CLOCK)
        wait_until_stopped(connection, process)
        with path.open("ab") as file:
            file.write(json.dumps(event(idempotencyKey="more")).encode() + b"\n")
    code, _, lines = ended(process)
    assert code == 1
    assert "growing.jsonl" in lines[-1]
    assert "changed while it was read" in lines[-1]
    assert desk.select("select count(*) from events") == [(20,)]
    assert desk.run(path)["new"] == 31


def test_a_given_up_import_leaves_nothing_and_its_files_can_come_again(desk: Desk) -> None:
    """Reverting an unfinished import is safe, even twice; its files are then read at their old places."""
    begin(desk)
    command = an_export(desk)
    with stopped_at(desk, "a chunk is being loaded") as connection:
        process = started(desk, *command)
        wait_until_stopped(connection, process)
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)
    assert [one["status"] for one in desk("imports", "--json").json] == [
        "unfinished",
        "published",
        "published",
    ]
    assert "unfinished" in desk("imports").out
    places = desk.select("select file_id, uri from files order by 1")
    before = desk.usage()
    desk("revert", "3")
    assert "import 3 is reverted" in desk("revert", "3", exit_code=1).err.splitlines()[-1]
    assert desk.usage() == before
    ledger = desk(*command).json
    assert (ledger["import_id"], ledger["status"]) == (4, "published")
    assert desk.select("select file_id, uri from files order by 1") == places


def variants(desk: Desk) -> Mapping[str, list[str]]:
    catalog = str(desk.write_catalog(catalog_of(*METERS)))
    return {
        "catalog": ["catalog", catalog, "--clock", CLOCK],
        "prune": ["catalog", catalog, "--prune", "--clock", CLOCK],
        "settings": ["settings", "billing_time_zone", "UTC"],
        "check": ["check", str(desk.folder / "1.jsonl"), "--clock", CLOCK],
        "run": an_export(desk),
        "run with a catalog": [*an_export(desk), "--catalog", catalog],
        "rollup": ["rollup", "--clock", CLOCK],
        "usage": ["usage"],
        "events": ["events"],
        "unassigned": ["unassigned"],
        "imports": ["imports"],
        "imports show": ["imports", "show", "1"],
        "rejects": ["rejects", "3"],
    }


def test_every_command_can_be_run_again(desk: Desk) -> None:
    """Running any command once more changes no line, no event and no catalog."""
    begin(desk)
    for command in variants(desk).values():
        desk(*command)
    before, version = everything(desk), desk.select("select max(catalog_version) from catalog_versions")
    for name, command in variants(desk).items():
        desk(*command)
        assert kept(desk) == before["kept"], name
    assert everything(desk) == before
    assert desk.select("select max(catalog_version) from catalog_versions") == version
