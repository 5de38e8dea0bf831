"""SQL gives a pair of occurrences the outcomes that reading them one after another gives."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from flows.imports.deduplicate import decide_contested
from schemas.frames.occurrences import OCCURRENCES, OUTCOMES
from schemas.tables.working import contested_keys, contested_rows
from tests.flows.small_installation import opened
from transforms.identity.outcomes import decide_outcomes

INSERT_ROW = """
    insert into {table} (key, at, row, file_id, customer_no, is_keyless, is_timestamp_omitted, is_deleted, event_name,
                         record_version, properties)
    values (cast(:key as uuid), :at, :row, :file_id, 1, false, :is_timestamp_omitted, false, :event_name, :record_version, '{{}}')
"""
INSERT_DUPLICATE = """
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
            "existing": st.none() | contents,
            "duplicates": st.lists(versions, max_size=2),
            "arrived": st.lists(contents, min_size=1, max_size=3),
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
def test_pairs_have_the_outcomes_of_reading_in_sequence(
    engine: Engine, *, keys: list[dict[str, Any]], is_conflict_rejected: bool, places: Any
) -> None:
    """With an existing event or none, with versions or without, in any order of places, SQL and Python agree on every row."""
    with engine.connect() as connection:
        write_tables(connection, keys, places)
        decide_contested(connection, is_conflict_rejected=is_conflict_rejected)
        columns = ", ".join(OCCURRENCES)
        occurrences = read(connection, f"select {columns} from contested_occurrences order by key, ordinal")
        outcomes = read(connection, "select * from occurrence_outcomes")
        connection.rollback()
    expected = decide_outcomes(occurrences.cast(OCCURRENCES), is_conflict_rejected=is_conflict_rejected)
    by_place = ["file_id", "row"]
    assert outcomes.cast(OUTCOMES).sort(by_place).to_dicts() == expected.sort(by_place).to_dicts()


def write_tables(connection: Connection, keys: list[dict[str, Any]], places: Any) -> None:
    """Write the tables that deduplication reads, every row at a place of its own."""
    for table in (contested_rows, contested_keys):
        table.create(connection, checkfirst=False)
    free = [{"file_id": file_id, "row": row} for file_id in (1, 2) for row in range(1, 31)]
    places.shuffle(free)
    for number, key in enumerate(keys):
        named = {"key": f"{number:032x}"}
        connection.execute(text("insert into contested_keys values (cast(:key as uuid))"), named)
        if key["existing"]:
            event = named | key["existing"] | free.pop()
            connection.execute(text(INSERT_ROW.format(table="events")), event)
            place = {"version_file_id": event["file_id"], "version_row": event["row"]}
            for version in key["duplicates"]:
                duplicate = named | place | free.pop() | {"record_version": version}
                connection.execute(text(INSERT_DUPLICATE), duplicate)
        for content in key["arrived"]:
            connection.execute(text(INSERT_ROW.format(table="contested_rows")), named | content | free.pop())


def read(connection: Connection, statement: str) -> pl.DataFrame:
    """Return rows as a frame; a column of nulls only is a text."""
    result = connection.execute(text(statement))
    rows = [tuple(row) for row in result]
    frame = pl.DataFrame(rows, schema=list(result.keys()), orient="row", infer_schema_length=None)
    return frame.cast({name: pl.String for name, dtype in frame.schema.items() if dtype == pl.Null})
