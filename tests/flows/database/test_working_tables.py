"""The temporary tables of a publish are those that schemas.tables.working declares, and statements leave what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, event, text
from sqlalchemy.dialects import postgresql

from schemas.tables.working import working
from tests.flows.small_installation import CATALOG, SmallInstallation, pricing, small_installation
from tests.test_statements import ALL
from transforms.statements import Statement

PASSED = {
    "repeated_keys", "known_rows", "parallel_contested_keys", "contested_keys", "contested_rows", "plain_duplicates",
    "contested_occurrences", "occurrence_outcomes", "removed_events",
    "contract_schedules", "billing_periods", "contract_coverage", "ambiguous_ranges", "contract_pricings", "event_facts",
    "metered_usage", "ranges_to_refold", "changed_ranges", "periods_to_recompute", "pricings_to_recompute", "recomputed_lines",
    "changed_lines", "event_groups",
}  # fmt: skip

READ_TABLES = """
    select relname as name, array_agg(format('%s %s', attname, format_type(atttypid, atttypmod)) order by attnum) as columns
    from pg_class c join pg_attribute on attrelid = c.oid
    where relkind in ('r', 'v') and (relnamespace = pg_my_temp_schema() or relpersistence = 'u')
        and attnum > 0 and not attisdropped group by 1
"""
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@pytest.fixture
def small(database_url: str, tmp_path: Path) -> Iterator[SmallInstallation]:
    """A small installation of the test's own."""
    with small_installation(database_url, tmp_path) as installation:
        yield installation


@contextmanager
def watched(engine: Engine) -> Iterator[dict[str, list[str]]]:
    """Yield the columns of every temporary and unlogged table that exists before a commit or a drop, by name."""
    seen: dict[str, list[str]] = {}

    def look(connection: Connection) -> None:
        seen.update({row.name: row.columns for row in connection.execute(text(READ_TABLES))})

    def look_before_drop(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("drop table"):
            look(connection)

    event.listen(engine, "commit", look)
    event.listen(engine, "before_cursor_execute", look_before_drop)
    try:
        yield seen
    finally:
        event.remove(engine, "commit", look)
        event.remove(engine, "before_cursor_execute", look_before_drop)


def declared(table: Table) -> list[str]:
    """Return the columns of a table as Postgres names them."""
    return [f"{column.name} {column.type.compile(dialect=DIALECT).lower()}" for column in table.columns]


def row(key: str | None, name: str = "call", **more: Any) -> dict[str, Any]:
    """Return an event of a customer; equal names and keys have equal content."""
    return {
        "eventName": name,
        "externalCustomerId": "acme",
        "timestamp": "2026-01-15T12:00:00Z",
        "idempotencyKey": key,
    } | more


def test_working_tables_have_the_declared_columns(small: SmallInstallation) -> None:
    """Imports with corrections, duplicates and conflicts, a catalog and a rollup make declared tables only."""
    small.begin()
    rejecting = small.folder / "reject.toml"
    rejecting.write_text('on_conflict = "reject"\n')
    changed = CATALOG | {"plans": [{"id": "plan-all", "name": "All", "pricing": [pricing("sum", "WEEK")]}]}
    with watched(small.engine) as seen:
        small.run(small.write("one", [row("a"), row("b"), row(None), row(None), row("c"), row("c", "tick")]))
        second = small.run(
            small.write("two", [row("a"), row("b", "tick"), row("d"), row("d"), row("d", "tick")])
        )
        third = small.run(small.write("three", [row("a", "tick"), row("e")]), mapping=str(rejecting))
        small.catalog(changed)
        small.rollup()
    assert (second.duplicate, second.corrected, third.rejected) == (2, 2, 1)
    assert seen.keys() >= PASSED
    facts = seen.pop("event_facts")
    assert set(declared(working.tables["event_facts"])) <= set(facts), (
        "the meters add columns to the declared ones"
    )
    assert seen == {name: declared(working.tables[name]) for name in seen}


@pytest.mark.parametrize("statement", ALL, ids=lambda statement: statement.name)
def test_a_statement_leaves_the_tables_that_it_creates(statement: Statement) -> None:
    """A statement that creates tables names exactly these; one that only selects is created by its caller."""
    created = re.findall(r"create (?:temporary|unlogged) (?:table|view) (\w+)", statement.sql)
    assert not created or tuple(created) == statement.leaves
