"""Read how the corrections of an import change events: whose they were, which feed brought them, and where they counted."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from flows.database.execute import execute
from transforms.imports.corrections import Changed, Corrections, OwnCorrection
from transforms.statements import statements

SQL: Final = statements("transforms/imports/corrections.sql")


def read_corrections(connection: Connection, *, mapping_digest: str, clock: datetime) -> Corrections:
    """Return how the corrections of an import change events; reads the tables that ``deduplicate`` leaves."""
    execute(connection, SQL["find_corrections"], mapping_digest=mapping_digest, clock=clock)
    changed = {
        row.kind: Changed(row.rows, tuple(row.keys)) for row in execute(connection, SQL["count_corrections"])
    }
    own: dict[int, list[OwnCorrection]] = {}
    for file_id, key, first_row, row in execute(connection, SQL["find_own_corrections"]):
        own.setdefault(file_id, []).append(OwnCorrection(key, first_row, row))
    return Corrections(**changed, own=own)
