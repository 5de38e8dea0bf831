"""The tables of events, their superseded versions and duplicates, and the staging tables of an import.

The rows of an import wait in a staging table of their own (``arrivals_<import_id>``, see :func:`arrivals`) until it is
published; everything in ``events`` has been published.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from schemas.tables.metadata import INSTANT, metadata


def event_columns() -> list[Column[Any]]:
    """Return the columns of a version of an event; wide fixed-length ones first, so that no byte is lost to alignment."""
    return [
        Column("key", UUID(as_uuid=False), nullable=False),
        Column("at", INSTANT, nullable=False),
        Column("row", BigInteger, nullable=False),
        Column("file_id", Integer, nullable=False),
        Column("customer_no", Integer, nullable=False),
        Column("contract_no", Integer),
        Column("is_keyless", Boolean, nullable=False),
        Column("is_timestamp_omitted", Boolean, nullable=False),
        Column("is_deleted", Boolean, nullable=False),
        Column("event_name", Text, nullable=False),
        Column("idempotency_key", Text),
        Column("record_version", Text),
        Column("properties", JSONB, nullable=False),
    ]


EVENT_COLUMNS: Final = tuple(column.name for column in event_columns())

EVENTS_FILL: Final = 90
"""Per cent to which a page of events is filled, so that new events go to the end and not into the gaps of removed ones.

In such gaps, a million events added to 20 million changed 217,000 old pages: 2.6 GB of WAL instead of 0.9, 8 s instead of 5,
and the index on time could no longer exclude pages.
"""

events = Table(
    "events",
    metadata,
    *event_columns(),
    comment="One row per key: the version that counts, with the place (file_id, row) of its first occurrence.",
)


Index("events_key", events.c.key, unique=True)


Index("events_at", events.c.at, postgresql_using="brin")

superseded = Table(
    "superseded",
    metadata,
    *event_columns(),
    Column("import_id", Integer, nullable=False),
    Column("standing", Text, nullable=False),
    Index(None, "key"),
    comment="One row per version that does not count: superseded by a later one, or stale when it came.",
)

duplicates = Table(
    "duplicates",
    metadata,
    Column("key", UUID(as_uuid=False), nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("version_row", BigInteger, nullable=False),
    Column("file_id", Integer, nullable=False),
    Column("version_file_id", Integer, nullable=False),
    Column("record_version", Text),
    Index(None, "key"),
    comment="One row per duplicate: it repeats the version that first occurred at (version_file_id, version_row).",
)


def arrivals(import_id: int) -> Table:
    """Return the staging table of an import: one row per accepted row, with the columns of ``events``."""
    return Table(f"arrivals_{import_id}", MetaData(), *event_columns())


def arrival_bytes(import_id: int, *, is_temporary: bool = False) -> Table:
    """Return the table of the untouched bytes of accepted rows, used only if the mapping rejects conflicts.

    One row per accepted row.
    """
    return Table(
        f"arrival_bytes_{import_id}",
        MetaData(),
        Column("file_id", Integer, nullable=False),
        Column("row", BigInteger, nullable=False),
        Column("line", BigInteger),
        Column("byte_offset", BigInteger),
        Column("raw", LargeBinary),
        Column("raw_length", BigInteger, nullable=False),
        Column("raw_sha256", LargeBinary, nullable=False),
        prefixes=["TEMPORARY"] if is_temporary else [],
    )
