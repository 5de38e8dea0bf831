"""Read the history of imports, and the clock of the database."""

from typing import Any, Final

from sqlalchemy import Connection, text

from schemas.errors import ConfigurationError

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


def list_imports(connection: Connection) -> list[dict[str, Any]]:
    """Imports and rollups, the latest first."""
    return [dict(row) for row in connection.execute(text(LIST_IMPORTS)).mappings()]


def show_import(connection: Connection, import_id: int) -> dict[str, Any]:
    """One import with its ledger; raises ConfigurationError where there is none of that id."""
    row = connection.execute(text(SHOW_IMPORT), {"import_id": import_id}).mappings().first()
    if row is None:
        raise ConfigurationError(f"there is no import {import_id}; see 'usage-import imports'")
    return dict(row)


GREATEST_CLOCK: Final = "select max(clock) from imports where published_at is not null"


IMPORT_TIMES: Final = """
    select started_at, finished_at, extract(epoch from finished_at - started_at)::float8 as seconds
    from imports where import_id = :import_id
"""
