"""The staging table of the first import becomes `events`, unless somebody has built on the existing table."""

from __future__ import annotations

import pytest

from tests.flows.desk import CALLS, TOTAL, Desk, catalog_of, event

SHAPE = """
    select (select array_agg((attname, atttypid::regtype, attnotnull)::text order by attnum) from pg_attribute
            where attrelid = 'events'::regclass and attnum > 0 and not attisdropped),
           (select array_agg(indexdef order by indexname) from pg_indexes where tablename = 'events'),
           obj_description('events'::regclass, 'pg_class'), (select reloptions from pg_class where oid = 'events'::regclass)
"""
EVENTS = """
    select key::text, at, file_id, row, customer_no, is_deleted, event_name, idempotency_key, properties::text from events
    order by 1
"""
PAGES = """
    select max((ctid::text::point)[0]) filter (where file_id = 1), min((ctid::text::point)[0]) filter (where file_id = 2)
    from events
"""
OF_EVENTS = "select 'events'::regclass::oid"
BUILT = (
    "create view busy as select customer_no, count(*) as events from events group by 1",
    "grant select on events to public",
    "create publication published for table events",
    "create function seen() returns trigger language plpgsql as $$ begin return new; end $$",
)
REPLICA_IDENTITY = "alter table events replica identity full"
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


def test_another_table_of_the_same_shape(ready: Desk) -> None:
    """The staging table has become `events`; columns, indexes, comment and settings are those that the migrations made."""
    before = ready.select(SHAPE)
    table = ready.select(OF_EVENTS)
    assert ready.run(ready.write("rows.jsonl", *ROWS))["status"] == "published"
    assert ready.select(SHAPE) == before
    assert ready.select(OF_EVENTS) != table
    assert ready.select("select count(*) from pg_tables where tablename like 'arrivals%'") == [(0,)]


SET = (
    "create index events_customer on events (customer_no)",
    "create statistics of_customers on customer_no, event_name from events",
    "alter table events add check (row > 0)",
    "alter table events set (autovacuum_vacuum_scale_factor = 0.01)",
    "alter table events alter column customer_no set statistics 500",
    "alter table events alter column properties set storage external",
    "alter table events enable row level security",
    "grant select (event_name) on events to public",
    REPLICA_IDENTITY,
)


@pytest.mark.parametrize(
    "built",
    [BUILT[:1], BUILT[1:2], (BUILT[2], REPLICA_IDENTITY), (BUILT[3], ON_TABLE), *((one,) for one in SET)],
    ids=lambda built: built[-1].removeprefix("alter table events ")[:30],
)
def test_what_others_have_built_on_the_table_stays(ready: Desk, built: tuple[str, ...]) -> None:
    """With a view, a grant, an index or a setting of others, the table stays the same one, and the events come into it."""
    for statement in built:
        execute(ready, statement)
    before = ready.select(OF_EVENTS)
    ready.run(ready.write("rows.jsonl", *ROWS))
    assert ready.select(OF_EVENTS) == before
    assert ready.select("select count(*) from events") == [(5,)]


def test_both_ways_hold_the_same(ready: Desk) -> None:
    """The result is the same whether the staging table becomes `events` or is added to it, with corrections and defaulted times."""
    source = ready.write("rows.jsonl", *ROWS)
    ready.run(source)
    adopted, lines = ready.select(EVENTS), without_import_ids(ready.usage())
    for name in ("events", "superseded", "duplicates", "folded_usage", "folded_matches", "usage_lines", "rollup_state", "chunks",
                 "import_files", "files", "imports"):  # fmt: skip
        execute(ready, f"truncate {name} cascade")
    execute(ready, BUILT[0])
    ready.run(source)
    assert ready.select(EVENTS) == adopted
    assert without_import_ids(ready.usage()) == lines


def without_import_ids(lines: list[dict[str, str]]) -> list[dict[str, str]]:
    return [line | {"import_id": ""} for line in lines]


def test_later_events_go_behind_those_that_are_there(ready: Desk) -> None:
    """New events are not spread over the gaps of corrected ones, so that the index on time can tell pages apart."""
    rows = [event(idempotencyKey=f"key-{n}", properties={"n": n}) for n in range(2000)]
    ready.run(ready.write("rows.jsonl", *rows, *(row | {"properties": {"n": -1}} for row in rows[::50])))
    execute(ready, "vacuum events")
    ready.run(ready.write("more.jsonl", *(event(idempotencyKey=f"more-{n}") for n in range(200))))
    [(before, after)] = ready.select(PAGES)
    assert after >= before > 20


def execute(desk: Desk, statement: str) -> None:
    with desk.connected() as connection:
        connection.execute(statement.encode())
