"""The session that holds the import lock can be ended from outside; then nothing is published behind another's back."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event
from tests.flows.stopping import ended, started, stopped_at, wait_until_stopped

END_HOLDER = """
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and objid = 7301002 and granted
    and database = (select oid from pg_database where datname = current_database())
"""

HELD = "select true from pg_locks where locktype = 'advisory' and objid = 7301002 and granted "
HELD += "and database = (select oid from pg_database where datname = current_database())"

LOST = "keeps other imports away was ended from outside"


def end_holder(desk: Desk) -> None:
    """End the session that holds the import lock, as an administrator or a timeout does."""
    assert desk.select(END_HOLDER) == [(True,)]
    while desk.select(HELD):
        time.sleep(0.01)


def published(desk: Desk) -> list[tuple[Any, ...]]:
    """Return the published imports with files, and the lines that have events."""
    return desk.select(
        "select (select count(*) from imports where kind = 'import' and status = 'published'), "
        "(select count(*) from usage_lines where event_count > 0)"
    )


@pytest.fixture
def export(desk: Desk) -> list[str]:
    """The command that imports two chunks."""
    desk.catalog(catalog_of(CALLS))
    source = desk.write("events.jsonl", *(event(idempotencyKey=f"{n}") for n in range(40)))
    return ["run", str(source), "--clock", CLOCK, "--json"]


def test_an_import_given_up_meanwhile_is_never_published(desk: Desk, export: list[str]) -> None:
    """The lock is lost while a chunk is loaded: the import stops, and a revert that answered "nothing counts" stays true."""
    with stopped_at(desk, "a chunk is being loaded") as connection:
        process = started(desk, *export)
        wait_until_stopped(connection, process)
        end_holder(desk)
    code, out, lines = ended(process)
    assert (code, out) == (1, "")
    assert LOST in lines[-1]
    [(import_id,)] = desk.select("select import_id from imports where status = 'loading'")
    desk("revert", str(import_id))
    assert published(desk) == [(0, 0)]
    assert desk.run(desk.folder / "events.jsonl")["new"] == 40
    assert published(desk) == [(1, 1)]


def test_a_revert_waits_for_a_publish_that_has_lost_its_lock(desk: Desk, export: list[str]) -> None:
    """The lock is lost in the midst of the publish: others wait for its end, and see it published."""
    with stopped_at(desk, "lines are being written") as connection:
        process = started(desk, *export)
        wait_until_stopped(connection, process)
        end_holder(desk)
        [(import_id,)] = desk.select("select import_id from imports where kind = 'import'")
        revert = started(desk, "revert", str(import_id))
        time.sleep(1)
        assert revert.poll() is None
    assert ended(process)[0] == 0
    code, _, lines = ended(revert)
    assert code == 1
    assert "is published" in lines[-1]
    assert published(desk) == [(1, 1)]


def limit(desk: Desk, setting: str, value: str) -> None:
    """Set a timeout for the sessions that begin from now on."""
    with desk.connected() as connection:
        connection.execute(f"alter database {connection.info.dbname} set {setting} = '{value}'".encode())


def test_no_idle_timeout_ends_the_session_with_the_lock(desk: Desk, export: list[str]) -> None:
    """It is idle for as long as the files take."""
    with stopped_at(desk, "a chunk is being loaded") as connection:
        limit(desk, "idle_session_timeout", "300ms")
        process = started(desk, *export)
        wait_until_stopped(connection, process)
        limit(desk, "idle_session_timeout", "0")
        time.sleep(1)
        assert desk.select(HELD) == [(True,)]
    code, _, lines = ended(process)
    assert code == 0, lines


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
def test_no_timeout_ends_the_wait_for_the_lock(desk: Desk, export: list[str], setting: str) -> None:
    """With --wait an import waits for as long as the other one takes."""
    with stopped_at(desk, "a chunk is being loaded") as connection:
        process = started(desk, *export)
        wait_until_stopped(connection, process)
        limit(desk, setting, "300ms")
        waiting = started(desk, *export, "--wait")
        time.sleep(2)
        assert waiting.poll() is None, ended(waiting)
        limit(desk, setting, "0")
    assert ended(process)[0] == 0
    waiting.kill()
    waiting.communicate()
