"""History: imports and their ledgers, rejections, and the events that are loaded."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from flows.fetching import read_batches
from flows.usage import CUSTOMERS_NAMED, UsageFilter, refuse_unknown
from schemas.errors import ConfigurationError

REJECTIONS_AT_ONCE: Final = 500
"""Rejections held in memory together: 32 MiB of rows at most."""

LIST_IMPORTS: Final = """
    select import_id, kind, status, clock, started_at, finished_at, published_at, reason, user_name, host, software,
           flow_run_id, lines_changed, failure, sources, ledger
    from imports order by import_id desc
"""

SHOW_IMPORT: Final = """
    select import_id, kind, status, clock, started_at, finished_at, published_at, reason, user_name, host, software,
           flow_run_id, lines_changed, failure, sources, ledger, catalog_version, mapping_digest, array(
               select distinct day from chunks c cross join jsonb_array_elements_text(c.counts -> 'days') day
               where c.import_id = i.import_id order by day
           ) as days
    from imports i where import_id = :import_id
"""

LIST_REJECTIONS: Final = """
    select r.import_id, f.uri as file, r.file_id, r.row, r.line, r.byte_offset, r.code, r.message, r.field, r.value, r.raw,
           r.raw_length, encode(r.raw_sha256, 'hex') as raw_sha256, (
               select count(*) from rejections again
               where again.raw_sha256 = r.raw_sha256 and again.repeats_import_id = r.import_id
                   and again.repeats_file_id = r.file_id and again.repeats_row = r.row
           ) as repeats
    from rejections r join import_files f using (import_id, file_id)
    where r.import_id = :import_id and r.repeats_import_id is null order by r.file_id, r.row
"""

COUNT_REPEATS: Final = """
    select repeats_import_id as import_id, count(*) as rows from rejections
    where import_id = :import_id and repeats_import_id is not null group by 1 order by 1
"""

GROUP_REJECTIONS: Final = """
    with grouped as (
        select code, regexp_replace(message, '".*"|[0-9][0-9,.]*', '…', 'g') as cause, count(*) as rows,
               (array_agg(file_id order by file_id, row))[1:3] as file_ids,
               (array_agg(row order by file_id, row))[1:3] as example_rows,
               (array_agg(message order by file_id, row))[1] as first_message
        from rejections where import_id = :import_id group by 1, 2
    )
    select * from grouped order by rows desc, code, cause
"""
"""A cause is a message without its numbers and all that it quotes, which may hold quotes itself."""

LIST_EVENTS: Final = f"""
    select e.at as timestamp, e.event_name, c.id as customer_id, c.external_customer_id,
           case when e.is_keyless then 'derived-' || replace(e.key::text, '-', '') else e.idempotency_key end as key,
           e.properties::text as properties, k.id as contract_id, e.is_deleted, f.uri as file, e.row, f.published_import_id as import_id
    from events e
    join customers c using (customer_no) join files f using (file_id) left join contracts k using (contract_no)
    where (cast(:customer as text) is null or e.customer_no in ({CUSTOMERS_NAMED}))
        and (cast(:name as text) is null or e.event_name = :name)
    order by e.at, e.file_id, e.row limit :limit
"""


def list_imports(connection: Connection) -> list[dict[str, Any]]:
    """Imports and rollups, the latest first."""
    return [dict(row) for row in connection.execute(text(LIST_IMPORTS)).mappings()]


def show_import(connection: Connection, import_id: int) -> dict[str, Any]:
    """One import with its ledger; raises ConfigurationError where there is none of that id."""
    row = connection.execute(text(SHOW_IMPORT), {"import_id": import_id}).mappings().first()
    if row is None:
        raise ConfigurationError(f"there is no import {import_id}; see 'usage-import imports'")
    return dict(row)


def list_rejections(connection: Connection, import_id: int) -> Iterator[list[dict[str, Any]]]:
    """The rows an import set aside, by file and row; read some at a time, since each may have 64 KiB."""
    show_import(connection, import_id)
    return read_batches(connection, LIST_REJECTIONS, {"import_id": import_id}, size=REJECTIONS_AT_ONCE)


def count_repeats(connection: Connection, import_id: int) -> dict[int, int]:
    """How many rows an import set aside that repeat an open rejection, by the import that lists it."""
    return dict(connection.execute(text(COUNT_REPEATS), {"import_id": import_id}).tuples().all())


def group_rejections(connection: Connection, import_id: int) -> list[dict[str, Any]]:
    """An import's rejections by cause."""
    show_import(connection, import_id)
    files = connection.execute(
        text("select file_id, uri from import_files where import_id = :import_id"), {"import_id": import_id}
    )
    return group_causes(connection, import_id, dict(files.tuples().all()))


def group_causes(connection: Connection, import_id: int, uris: Mapping[int, str]) -> list[dict[str, Any]]:
    """Equal causes as one row each: code, how many rows, the first message, and where the first three are."""
    grouped = connection.execute(text(GROUP_REJECTIONS), {"import_id": import_id}).mappings()
    return [
        {
            "rows": row["rows"],
            "code": row["code"],
            "first_message": row["first_message"],
            "examples": [
                {"file": uris[file_id], "row": example}
                for file_id, example in zip(row["file_ids"], row["example_rows"], strict=True)
            ],
        }
        for row in grouped
    ]


def list_events(
    connection: Connection, *, customer: str | None, name: str | None, limit: int
) -> list[dict[str, Any]]:
    """Loaded events in the order of their instants, their properties as exact JSON text; raises ConfigurationError for a customer that there is not."""
    refuse_unknown(connection, UsageFilter(customer=customer))
    asked = {"customer": customer, "name": name, "limit": limit}
    return [dict(row) for row in connection.execute(text(LIST_EVENTS), asked).mappings()]
