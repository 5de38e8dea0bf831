"""The first import: its staging table becomes `events`, unless somebody has built on the one that is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.desk import CALLS, TOTAL, Desk, catalog_of, event

SHAPE = """
    select (select array_agg((attname, atttypid::regtype, attnotnull)::text order by attnum) from pg_attribute
            where attrelid = 'events'::regclass and attnum > 0 and not attisdropped),
           (select array_agg(indexdef order by indexname) from pg_indexes where tablename = 'events'),
           obj_description('events'::regclass, 'pg_class')
"""
HELD = """
    select key::text, at, file_id, row, customer_no, is_deleted, event_name, idempotency_key, properties::text from events
    order by 1
"""
BUILT = (
    "create view busy as select customer_no, count(*) as events from events group by 1",
    "grant select on events to public",
    "create publication told for table events",
    "create function seen() returns trigger language plpgsql as $$ begin return new; end $$",
)
TOLD = "alter table events replica identity full"
ON_TABLE = "create trigger seen before insert on events for each row execute function seen()"

ROWS = [
    event(idempotencyKey="a", properties={"n": 1}),
    event(idempotencyKey="b", properties={"n": 2}, timestamp=None),
    event(idempotencyKey="a", properties={"n": 5}),
    event(idempotencyKey="b", properties={"n": 2}, timestamp=None),
    event(idempotencyKey="c", properties={"n": 3}, externalCustomerId="bolt"),
    event(properties={"n": 4}),
    event(properties={"n": 4}),
]


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A desk with a catalog."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    return desk


def asked(desk: Desk, statement: str) -> list[Any]:
    with desk.connected() as connection:
        return connection.execute(statement.encode()).fetchall()


def test_the_table_keeps_its_shape(ready: Desk) -> None:
    """Columns, indexes and comment are those that the migrations made."""
    before = asked(ready, SHAPE)
    assert ready.run(ready.write("rows.jsonl", *ROWS))["status"] == "published"
    assert asked(ready, SHAPE) == before
    assert asked(ready, "select count(*) from pg_tables where tablename like 'arrivals%'") == [(0,)]


@pytest.mark.parametrize("built", [BUILT[:1], BUILT[1:2], (BUILT[2], TOLD), (BUILT[3], ON_TABLE)])
def test_what_others_have_built_on_the_table_stays(ready: Desk, built: tuple[str, ...]) -> None:
    """A view, a grant, a publication or a trigger: the table stays the same one, and the events come into it."""
    for statement in built:
        asked_nothing(ready, statement)
    before = asked(ready, "select 'events'::regclass::oid")
    ready.run(ready.write("rows.jsonl", *ROWS))
    assert asked(ready, "select 'events'::regclass::oid") == before
    assert asked(ready, "select count(*) from events") == [(5,)]


def test_both_ways_hold_the_same(ready: Desk) -> None:
    """Whether the staging table becomes `events` or is added to it never shows; corrections and defaulted times included."""
    source = ready.write("rows.jsonl", *ROWS)
    ready.run(source)
    adopted, lines = asked(ready, HELD), ready.usage()
    for name in ("events", "superseded", "tellings", "folded_usage", "folded_matches", "usage_lines", "rollup_state", "chunks",
                 "import_files", "files", "imports"):  # fmt: skip
        asked_nothing(ready, f"truncate {name} cascade")
    asked_nothing(ready, BUILT[0])
    ready.run(source)
    assert asked(ready, HELD) == adopted
    assert ready.usage() == lines


def asked_nothing(desk: Desk, statement: str) -> None:
    with desk.connected() as connection:
        connection.execute(statement.encode())
