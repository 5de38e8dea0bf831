"""The working tables: temporary tables through which the stages of a publish pass rows to one another.

Each is declared with its grain and its columns. The head of the statement in a ``.sql`` file says which one makes it
and which ones read it. Those that parallel workers of Postgres read are unlogged tables, dropped by the publish that
made them; all others are temporary and go with the transaction.
"""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl
from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import TypeEngine, UserDefinedType

from schemas.frames.occurrences import OCCURRENCES, OUTCOMES
from schemas.tables.events import event_columns
from schemas.tables.metadata import INSTANT

working: Final = MetaData()


def temporary(name: str, grain: str, *columns: Column[Any]) -> Table:
    """Declare a table that goes with the transaction."""
    return Table(name, working, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP", comment=grain)


def unlogged(name: str, grain: str, *columns: Column[Any]) -> Table:
    """Declare a table that parallel workers can read, dropped by the publish that made it."""
    return Table(name, working, *columns, prefixes=["UNLOGGED"], comment=grain)


# --- identity: deduplicating an import ---------------------------------------------------------------------------


class _RowPlace(UserDefinedType[str]):
    """The type `tid`: the place of a row in its table, by which it is updated and deleted without a search."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TID"


_TYPES: Final[Mapping[pl.DataType, TypeEngine[Any]]] = {
    pl.String(): Text(),
    pl.Int32(): Integer(),
    pl.Int64(): BigInteger(),
    pl.Boolean(): Boolean(),
    pl.Date(): Date(),
    pl.Datetime("us", "UTC"): INSTANT,
}


def columns_of(frame: pl.Schema) -> list[Column[Any]]:
    """Return the columns of a table that holds the rows of a frame."""
    return [Column(name, _TYPES[dtype]) for name, dtype in frame.items()]


def _known_row_columns() -> list[Column[Any]]:
    return [
        Column("arrival_ctid", _RowPlace()),
        Column("key", UUID(as_uuid=False)),
        Column("file_id", Integer),
        Column("row", BigInteger),
        Column("is_keyless", Boolean),
        Column("record_version", Text),
        Column("version_file_id", Integer),
        Column("version_row", BigInteger),
        Column("is_same", Boolean),
    ]


repeated_keys: Final = temporary(
    "repeated_keys",
    "One row per key that several rows of the import have.",
    Column("key", UUID(as_uuid=False)),
)

known_rows: Final = temporary(
    "known_rows",
    "One row per arrived row whose key an event has, with the place of that event and whether the content is the same.",
    *_known_row_columns(),
)

parallel_contested_keys: Final = unlogged(
    "parallel_contested_keys",
    "One row per contested key, for the parallel workers that look for its rows.",
    Column("key", UUID(as_uuid=False)),
)

contested_keys: Final = temporary(
    "contested_keys",
    "One row per contested key: several rows of the import have it, or an event has it with other content.",
    Column("key", UUID(as_uuid=False)),
)

contested_rows: Final = temporary(
    "contested_rows",
    "One row per arrived row of a contested key.",
    *event_columns(),
    Column("arrival_ctid", _RowPlace()),
)

plain_duplicates: Final = temporary(
    "plain_duplicates",
    "One row per known row that alone has its key in the import, with the content of the event. A view.",
    *_known_row_columns(),
)

contested_occurrences: Final = temporary(
    "contested_occurrences",
    "One row per occurrence of a contested key, with its ordinal and whether the key has a pair of them.",
    *columns_of(OCCURRENCES),
    Column("ordinal", BigInteger),
    Column("is_pair", Boolean),
)

corrections: Final = temporary(
    "corrections",
    "One row per row of the import that corrects an event and counts in the end, with what it changes.",
    Column("file_id", Integer),
    Column("row", BigInteger),
    Column("idempotency_key", Text),
    Column("moves_customer", Boolean),
    Column("is_of_other_feed", Boolean),
    Column("leaves_due_line", Boolean),
)

occurrence_outcomes: Final = temporary(
    "occurrence_outcomes",
    "One row per occurrence of a contested key, with its outcome.",
    *columns_of(OUTCOMES),
)

removed_events: Final = temporary(
    "removed_events",
    "One row per event that the publish removes from the table of events.",
    Column("customer_no", Integer),
    Column("file_id", Integer),
    Column("at", INSTANT),
)


# --- catalog: applying a folder ----------------------------------------------------------------------------------

customers_to_write: Final = temporary(
    "customers_to_write",
    "One row per customer that is new or has changed, in the order of the folder.",
    Column("place", Integer),
    Column("id", Text),
    Column("external_customer_id", Text),
    Column("document", JSONB),
)

meters_to_write: Final = temporary(
    "meters_to_write",
    "One row per meter that is new or has changed, in the order of the folder.",
    Column("place", Integer),
    Column("id", Text),
    Column("code", Text),
    Column("aggregation", Text),
    Column("is_supported", Boolean),
    Column("inactive_at", INSTANT),
    Column("document", JSONB),
)

plans_to_write: Final = temporary(
    "plans_to_write",
    "One row per plan that is new or has changed, in the order of the folder.",
    Column("place", Integer),
    Column("id", Text),
    Column("document", JSONB),
)

contracts_to_write: Final = temporary(
    "contracts_to_write",
    "One row per contract that is new or has changed, in the order of the folder.",
    Column("place", Integer),
    Column("id", Text),
    Column("customer_id", Text),
    Column("plan_id", Text),
    Column("start_on", Date),
    Column("end_on", Date),
    Column("anchor", Text),
    Column("document", JSONB),
)

pricings_to_write: Final = temporary(
    "pricings_to_write",
    "One row per pricing of a plan that is new or has changed, in the order of the folder.",
    Column("place", Integer),
    Column("plan_id", Text),
    Column("id", Text),
    Column("model", Text),
    Column("meter_id", Text),
    Column("interval", Text),
    Column("interval_count", Integer),
    Column("document", JSONB),
)
