"""Store the basis of the lines: the zone, the rules, and the contracts, pricings and meters that they were last made from.

A publish compares the catalog with this basis and recomputes the lines of the customers for whom they differ.
"""

from dataclasses import asdict, dataclass
from typing import Final

import polars as pl
from sqlalchemy import Connection, text

from flows.database.execute import execute
from flows.database.read import read_frame
from schemas.frames.usage import CONTRACTS, PRICINGS
from schemas.tables.working_usage import customers_to_recompute
from transforms.statements import statements

SQL: Final = statements("flows/usage/rollup_basis.sql")
COPIES: Final = {
    "rolled_up_contracts": "copy_contracts",
    "rolled_up_pricings": "copy_pricings",
    "rolled_up_meters": "copy_meters",
}


@dataclass(frozen=True)
class RollupState:
    """The zone, the meters and the catalog that the folded usage and the lines were last made from."""

    billing_time_zone: str
    meters_digest: str
    catalog_version: int


def read_state(connection: Connection) -> RollupState | None:
    """Return the state of the last publish, or None before the first."""
    row = execute(connection, SQL["read_state"]).mappings().first()
    return None if row is None else RollupState(**row)


def write_state(connection: Connection, state: RollupState) -> None:
    """Write the state of this publish."""
    execute(connection, SQL["write_state"], **asdict(state))


def find_customers_to_recompute(connection: Connection, *, is_catalog_changed: bool) -> None:
    """Find the customers whose lines follow from a changed catalog; leaves ``customers_to_recompute``."""
    if is_catalog_changed:
        execute(connection, SQL["find_customers_to_recompute"])
        connection.execute(text("analyze customers_to_recompute"))
    else:
        customers_to_recompute.create(connection, checkfirst=False)


def copy_catalog(connection: Connection) -> None:
    """Copy the contracts, pricings and meters that this publish makes the lines from."""
    for table, copying in COPIES.items():
        connection.execute(text(f"delete from {table}"))
        execute(connection, SQL[copying])
        connection.execute(text(f"analyze {table}"))


def read_contracts(connection: Connection, customer_nos: list[int] | None = None) -> pl.DataFrame:
    """Return the contracts (``CONTRACTS``) of all customers or of some."""
    return read_frame(connection, SQL["read_contracts"].fill(), CONTRACTS, customer_nos=customer_nos)


def read_pricings(connection: Connection) -> pl.DataFrame:
    """Return the pricings that carry usage (``PRICINGS``)."""
    return read_frame(connection, SQL["read_pricings"].fill(), PRICINGS)
