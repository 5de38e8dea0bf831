"""Read the catalog as frames and meter rules."""

from dataclasses import dataclass
from typing import Final

import polars as pl
from sqlalchemy import Connection

from flows.database.execute import execute
from flows.database.read import read_frame
from schemas.documents.catalog import Meter
from schemas.frames.catalog import CONTRACTS, CUSTOMERS
from transforms.statements import statements
from transforms.usage.meters import MeterRule, meter_rule
from transforms.values.json import decode_exact

SQL: Final = statements("flows/catalog/read_catalog.sql")


@dataclass(frozen=True)
class CatalogFrames:
    """The things of the catalog that rows are judged by: frames of its customers and contracts."""

    customers: pl.DataFrame
    contracts: pl.DataFrame


def current_version(connection: Connection) -> int:
    """Return the version of the catalog, 0 if none has been loaded."""
    return int(execute(connection, SQL["current_version"]).scalar_one())


def catalog_frames(connection: Connection, *, import_id: int | None = None) -> CatalogFrames:
    """Read the customers and contracts.

    import_id: an import that may have been named with a catalog; they are read as they will be once it is published.
    """
    return CatalogFrames(
        customers=read_frame(connection, SQL["read_customers"].fill(), CUSTOMERS, import_id=import_id),
        contracts=read_frame(connection, SQL["read_contracts"].fill(), CONTRACTS, import_id=import_id),
    )


def meter_rules(connection: Connection) -> tuple[MeterRule, ...]:
    """Read the rules of the meters."""
    return tuple(
        meter_rule(Meter.model_validate(decode_exact(document)), meter_no=meter_no, inactive_at=inactive_at)
        for meter_no, inactive_at, document in execute(connection, SQL["read_meters"])
    )
