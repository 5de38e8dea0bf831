"""Stage a catalog for an import: its rows wait, with their numbers, until the import is published.

The catalog is applied under a savepoint, the rows that it wrote are read, and the savepoint is rolled back. Sequences do
not go back, so the numbers stay reserved. Rows of the import are judged by the catalog as it will be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl
from sqlalchemy import Connection, Table

from flows.catalog.result import CatalogResult
from flows.database.copy import copy_frame
from flows.database.execute import execute
from schemas.frames.catalog import STAGED_THINGS
from schemas.tables.catalog import (
    catalog_changes,
    catalog_versions,
    contracts,
    customers,
    meters,
    plans,
    pricings,
    staged_things,
)
from transforms.statements import statements

SQL: Final = statements("flows/catalog/staged.sql")

STAGED_TABLES: Final = (catalog_versions, customers, meters, plans, pricings, contracts, catalog_changes)
"""The tables of a catalog, each after those that it refers to."""


NEXT_IMPORT: Final = 0
"""The id under which a catalog waits until its import has begun."""


@dataclass(frozen=True)
class StagedCatalog:
    """A catalog that waits: the version that it will be, a hash of its changes, and its folder."""

    catalog_version: int
    digest: str
    folder: str


def staged_catalog(connection: Connection, import_id: int) -> StagedCatalog | None:
    """Return the catalog that waits for an import, or None."""
    row = execute(connection, SQL["read_staged_catalog"], import_id=import_id).mappings().first()
    return None if row is None else StagedCatalog(**row)


def stage(connection: Connection, folder: str, apply: Callable[[], CatalogResult]) -> CatalogResult:
    """Stage what `apply` writes, for the import that begins next, and return its result; the catalog stays as it is."""
    savepoint = connection.begin_nested()
    applied = apply()
    version = applied.version
    rows = _written_rows(connection, version) if applied.is_new else []
    digest = execute(connection, SQL["digest_changes"], catalog_version=version).scalar_one()
    savepoint.rollback()
    drop_staged_catalog(connection, NEXT_IMPORT)
    if applied.is_new:
        execute(
            connection,
            SQL["write_staged_catalog"],
            import_id=NEXT_IMPORT,
            catalog_version=version,
            digest=digest,
            folder=folder,
        )
        frame = pl.DataFrame([(NEXT_IMPORT, *row) for row in rows], schema=STAGED_THINGS, orient="row")
        copy_frame(connection, staged_things.name, frame, jsonb=("row",))
    return applied


def adopt_staged(connection: Connection, import_id: int) -> None:
    """Give an import the catalog that was staged for it.

    An import that is resumed with the same catalog keeps the one it has: its loaded rows name the numbers in it.
    """
    staged, mine = staged_catalog(connection, NEXT_IMPORT), staged_catalog(connection, import_id)
    if staged is not None and mine is not None and staged.digest == mine.digest:
        drop_staged_catalog(connection, NEXT_IMPORT)
        return
    drop_staged_catalog(connection, import_id)
    execute(connection, SQL["adopt_staged_catalog"], import_id=import_id, next_import=NEXT_IMPORT)
    execute(connection, SQL["adopt_staged_things"], import_id=import_id, next_import=NEXT_IMPORT)


def publish_staged(connection: Connection, import_id: int) -> StagedCatalog | None:
    """Make the catalog that waits for an import the catalog; return it, or None if none waits."""
    staged = staged_catalog(connection, import_id)
    if staged is not None:
        execute(connection, SQL["release_external_ids"], import_id=import_id)
        for table in STAGED_TABLES:
            execute(
                connection,
                SQL["publish_rows"],
                _names(connection, table),
                import_id=import_id,
                table_name=table.name,
            )
        drop_staged_catalog(connection, import_id)
    return staged


def drop_staged_catalog(connection: Connection, import_id: int) -> None:
    """Delete the catalog that waits for an import, if there is one."""
    execute(connection, SQL["drop_staged_catalog"], import_id=import_id)
    execute(connection, SQL["drop_staged_things"], import_id=import_id)


def _written_rows(connection: Connection, version: int) -> list[tuple[str, str]]:
    """Return the rows that a version wrote, each with the name of its table, as JSON."""
    written = []
    for table in STAGED_TABLES:
        statement = SQL["read_pricings" if table is pricings else "read_rows"]
        names = {} if table is pricings else {"table": table.name}
        found = execute(connection, statement, names, catalog_version=version).scalars()
        written += [(table.name, row) for row in found]
    return written


def _names(connection: Connection, table: Table) -> dict[str, str]:
    """Return the names of a table and its columns, as ``publish_rows`` takes them."""
    quote = connection.dialect.identifier_preparer.quote
    columns = [quote(column.name) for column in table.columns]
    return {
        "table": table.name,
        "columns": ", ".join(columns),
        "staged_columns": ", ".join(f"t.{column}" for column in columns),
        "excluded_columns": ", ".join(f"excluded.{column}" for column in columns),
        "key": ", ".join(quote(column.name) for column in table.primary_key),
    }
