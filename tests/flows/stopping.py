"""Stop a command at a step of an import: a trigger waits for a lock that the test holds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import clean_environment
from tests.flows.desk import Desk

LOCK = 4_711
PATIENCE_SECONDS = 120.0

STEPS = {
    "the import is being registered": ("insert", "import_files", ""),
    "a chunk is being loaded": ("insert", "chunks", "when (new.last_row >= 20)"),
    "its checkpoint is being written": ("insert", "rejections", "when (new.row >= 30)"),
    "duplicates are being kept": ("insert", "duplicates", ""),
    "events are being merged": ("insert", "events", ""),
    "usage is being folded": ("insert", "folded_usage", ""),
    "lines are being written": ("insert", "usage_lines", ""),
    "the publish is being stamped": ("update", "imports", ""),
    "the ledger is being written": ("update", "import_files", ""),
}
"""Steps of an import in their order, each with the statement, the table and the condition of its trigger."""


@contextmanager
def stopped_at(desk: Desk, step: str) -> Iterator[psycopg.Connection[Any]]:
    """Stop commands at a step while the context is open."""
    verb, table, condition = STEPS[step]
    with desk.connected() as connection:
        connection.execute(
            f"create function wait_here() returns trigger language plpgsql as "
            f"$$ begin perform pg_advisory_xact_lock({LOCK}); return new; end $$".encode()
        )
        connection.execute(
            f"create trigger wait_here before {verb} on {table} for each row {condition} execute function wait_here()".encode()
        )
        connection.execute(f"select pg_advisory_lock({LOCK})".encode())
        yield connection
        connection.execute(f"select pg_advisory_unlock({LOCK})".encode())
        wait_for(connection, WAITING, "= 0")
        connection.execute(f"drop trigger wait_here on {table}".encode())
        connection.execute(b"drop function wait_here()")


WAITING_HERE = """
    select count(*) from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())
"""
WAITING = f"{WAITING_HERE} and objid = {LOCK}"


def wait_for(connection: psycopg.Connection[Any], count: str, comparison: str) -> None:
    """Wait until a count compares as given, such as `> 1`."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not one_truth(connection, f"select ({count}) {comparison}"):
        assert time.monotonic() < end, f"never came true: {count} {comparison}"
        time.sleep(0.02)


def wait_until_stopped(connection: psycopg.Connection[Any], process: subprocess.Popen[str]) -> None:
    """Wait until a command has reached the step at which it is stopped."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not one_truth(connection, f"select ({WAITING}) > 0"):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def one_truth(connection: psycopg.Connection[Any], statement: str) -> bool:
    row = connection.execute(statement.encode()).fetchone()
    return row is not None and bool(row[0])


def started(desk: Desk, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own, with chunks of 10 rows."""
    cut = {
        "USAGE_IMPORT_CHUNK_ROWS": "10",
        "USAGE_IMPORT_DATABASE_URL": desk.database_url,
        "PREFECT_API_URL": "",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "flows", *map(str, arguments)],
        env=clean_environment() | cut | environment,
        cwd=desk.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, list[str]]:
    """Return exit code, standard output and the lines of standard error of a command; asserts that there is no traceback."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in err, err
    return process.returncode, out, err.splitlines()
