"""Pairs of occurrences are decided in SQL as reading them one after another would."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from flows.imports.deduplicate import CREATE_SETTLED, deduplicate_contested
from tests.flows.small_installation import opened
from transforms.identity.outcomes import SETTLED_SCHEMA, decide_outcomes

INSERT = """
    insert into {table} (key, at, row, file_id, customer_no, is_keyless, is_timestamp_omitted, is_deleted, event_name,
                         record_version, properties)
    values (cast(:key as uuid), :at, :row, :file_id, 1, false, :is_timestamp_omitted, false, :event_name, :record_version, '{{}}')
"""
TELL = """
    insert into duplicates (key, row, version_row, file_id, version_file_id, record_version)
    values (cast(:key as uuid), :row, :version_row, :file_id, :version_file_id, :record_version)
"""

versions = st.sampled_from([None, None, "1", "1.0", "2", "10"])
contents = st.fixed_dictionaries(
    {
        "event_name": st.sampled_from(["a", "b"]),
        "is_timestamp_omitted": st.sampled_from([True, True, False]),
        "at": st.sampled_from([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]),
        "record_version": versions,
    }
)
keys: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries(
        {
            "held": st.none() | contents,
            "held_again": st.lists(versions, max_size=2),
            "told": st.lists(contents, min_size=1, max_size=3),
        }
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with opened(database_url) as engine:
        yield engine


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=keys, is_conflict_rejected=st.booleans(), places=st.randoms(use_true_random=False))
def test_two_tellings_are_settled_as_one_after_another(
    engine: Engine, *, keys: list[dict[str, Any]], is_conflict_rejected: bool, places: Any
) -> None:
    """Held or not, with versions or without, in any order of places: SQL and the plain reading agree on every row."""
    with engine.connect() as connection:
        write_down(connection, keys, places)
        deduplicate_contested(connection, is_conflict_rejected=is_conflict_rejected)
        told = read(connection, "select * from told order by key, nth")
        settled = read(connection, "select * from settled")
        connection.rollback()
    expected = decide_outcomes(told, is_conflict_rejected=is_conflict_rejected)
    by_place = ["file_id", "row"]
    assert settled.cast(SETTLED_SCHEMA).sort(by_place).to_dicts() == expected.sort(by_place).to_dicts()


def write_down(connection: Connection, keys: list[dict[str, Any]], places: Any) -> None:
    """The tables that settling reads, every version and telling at a place of its own."""
    for table in ("contested", "contested_keys"):
        columns = "(like events)" if table == "contested" else "(key uuid)"
        connection.execute(text(f"create temporary table {table} {columns} on commit drop"))
    connection.execute(text(CREATE_SETTLED))
    free = [{"file_id": file_id, "row": row} for file_id in (1, 2) for row in range(1, 31)]
    places.shuffle(free)
    for number, key in enumerate(keys):
        named = {"key": f"{number:032x}"}
        connection.execute(text("insert into contested_keys values (cast(:key as uuid))"), named)
        if key["held"]:
            held = named | key["held"] | free.pop()
            connection.execute(text(INSERT.format(table="events")), held)
            told_at = {"version_file_id": held["file_id"], "version_row": held["row"]}
            for version in key["held_again"]:
                again = named | told_at | free.pop() | {"record_version": version}
                connection.execute(text(TELL), again)
        for content in key["told"]:
            connection.execute(text(INSERT.format(table="contested")), named | content | free.pop())


def read(connection: Connection, statement: str) -> pl.DataFrame:
    """Rows as a frame; a column of nothing but nulls is a text."""
    result = connection.execute(text(statement))
    rows = [tuple(row) for row in result]
    frame = pl.DataFrame(rows, schema=list(result.keys()), orient="row", infer_schema_length=None)
    return frame.cast({name: pl.String for name, dtype in frame.schema.items() if dtype == pl.Null})
