"""Transactions that read while an import publishes, as a backup does for hours, neither stop it nor change its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from tests.flows.desk import CALLS, CLOCK, TOTAL, Desk, catalog_of, event, meter
from tests.flows.stopping import ended, started, stopped_at, wait_until_stopped

TABLES = "select quote_ident(tablename) from pg_tables where schemaname = 'usage_import' and tablename like %s order by 1"

ROWS = [event(idempotencyKey=f"key-{n}", properties={"n": n}) for n in range(20)]
MOST = meter("most", "MAX", "n")


def tables_of(desk: Desk, pattern: str) -> list[str]:
    with desk.connected() as connection:
        return [name for (name,) in connection.execute(TABLES, [pattern])]


@contextmanager
def backup(desk: Desk, pattern: str = "%") -> Iterator[None]:
    """Keep a transaction open that reads all tables, or those that match a pattern."""
    with desk.connected() as connection:
        tables = ", ".join(tables_of(desk, pattern))
        connection.execute("begin")
        connection.execute("set local idle_in_transaction_session_timeout = '30s'")
        connection.execute(f"lock table {tables} in access share mode".encode())
        yield
        connection.execute("select 'still here'")


def story(desk: Desk, reading: Callable[[Desk], AbstractContextManager[Any]]) -> list[Any]:
    """Import a file, import its rows again with one more, and add a meter that needs a rebuild; return the results."""
    first = desk.write("first.jsonl", *ROWS, event(idempotencyKey="key-3", properties={"n": 50}))
    again = desk.write("again.jsonl", *ROWS, event(idempotencyKey="more"))
    third = desk.write("third.jsonl", event(idempotencyKey="third", properties={"n": 7}))
    results: list[Any] = []
    desk.catalog(catalog_of(CALLS, TOTAL))
    for source, meters in ((first, (CALLS, TOTAL)), (again, (CALLS, TOTAL)), (third, (CALLS, TOTAL, MOST))):
        with reading(desk):
            desk.catalog(catalog_of(*meters))
            ledger = desk.run(source)
            results += [
                ledger["status"],
                ledger["new"],
                ledger["duplicate"],
                ledger["corrected"],
                ledger["lines_changed"],
            ]
        results.append([{**line, "catalog_version": None} for line in desk.usage()])
    with reading(desk):
        results.append(desk("rollup", "--clock", CLOCK, "--json").json["lines_changed"])
    return results


def test_a_backup_does_not_stop_an_import(desk: Desk, other_desk: Desk) -> None:
    """If a table cannot be truncated, its rows are deleted one by one with the same result, while the backup goes on."""
    assert story(desk, backup) == story(other_desk, nullcontext)
    for one in (desk, other_desk):
        assert tables_of(one, "arrival%") == []


def test_a_backup_that_began_with_the_load_does_not_stop_the_publish(desk: Desk) -> None:
    """The staging table that it reads stays until the next import drops it; a table of somebody else with a similar name stays."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    source = desk.write("rows.jsonl", *ROWS, *ROWS, event(idempotencyKey="key-3", properties={"n": 50}))
    with ExitStack() as reading:
        with stopped_at(desk, "a chunk is being loaded") as connection:
            process = started(desk, "run", source, "--clock", CLOCK, "--json")
            wait_until_stopped(connection, process)
            reading.enter_context(backup(desk, "arrivals%"))
        exit_code, out, _ = ended(process)
        assert exit_code == 0
        ledger = json.loads(out)
        assert [ledger[name] for name in ("status", "new", "duplicate", "corrected")] == [
            "published",
            20,
            20,
            1,
        ]
        assert tables_of(desk, "arrival%") == ["arrivals_2"]
    assert desk.quantity("total") == str(sum(range(20)) - 3 + 50)
    with desk.connected() as connection:
        connection.execute("create table arrivals_2024 (airport text)")
    desk.run(desk.write("more.jsonl", event(idempotencyKey="more")))
    assert tables_of(desk, "arrival%") == ["arrivals_2024"]
