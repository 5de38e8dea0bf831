"""What the lines were last made from: the zone and the rules, and contracts, pricings and meters as the catalog had them then.

A catalog loaded since counts from the next publish on. Until then lines, the empty ones among them, and unassigned events
are told by what they were made from, so that an answer is of one world: nothing is both on a line and on none.
"""

from dataclasses import asdict, dataclass
from typing import Final

import polars as pl
from sqlalchemy import Connection, text

from flows.database.read import read_frame

READ_STATE: Final = "select billing_time_zone, meters_digest, catalog_version from rollup_state"
WRITE_STATE: Final = """
    insert into rollup_state (billing_time_zone, meters_digest, catalog_version)
    values (:billing_time_zone, :meters_digest, :catalog_version)
    on conflict (is_only_row) do update set billing_time_zone = excluded.billing_time_zone,
        meters_digest = excluded.meters_digest, catalog_version = excluded.catalog_version
"""

KEEP_CATALOG: Final = {
    "rolled_up_contracts": """
        select contract_no, c.id, customer_no, plan_no, p.id as plan_id, start_on, end_on, anchor
        from contracts c join plans p using (plan_no)
    """,
    "rolled_up_pricings": """
        select pricing_no, id, plan_no, meter_no, "interval", interval_count from pricings where meter_no is not null
    """,
    "rolled_up_meters": "select meter_no, code, aggregation, is_supported from meters",
}

READ_CONTRACTS: Final = """
    select contract_no, customer_no, plan_no, start_on, end_on, anchor from rolled_up_contracts
    where cast(:customer_nos as int[]) is null or customer_no = any(:customer_nos) order by contract_no
"""
READ_PRICINGS: Final = """
    select pricing_no, plan_no, meter_no, "interval", interval_count from rolled_up_pricings order by pricing_no
"""
CONTRACT_COLUMNS: Final = pl.Schema(
    {
        "contract_no": pl.Int32(),
        "customer_no": pl.Int32(),
        "plan_no": pl.Int32(),
        "start_on": pl.Date(),
        "end_on": pl.Date(),
        "anchor": pl.String(),
    }
)
PRICING_COLUMNS: Final = pl.Schema(
    {
        "pricing_no": pl.Int32(),
        "plan_no": pl.Int32(),
        "meter_no": pl.Int32(),
        "interval": pl.String(),
        "interval_count": pl.Int32(),
    }
)


@dataclass(frozen=True)
class RollupState:
    """By what the folded usage and the lines were last made."""

    billing_time_zone: str
    meters_digest: str
    catalog_version: int


def read_state(connection: Connection) -> RollupState | None:
    """What the last publish went by; None before the first."""
    row = connection.execute(text(READ_STATE)).mappings().first()
    return None if row is None else RollupState(**row)


def keep_state(connection: Connection, state: RollupState) -> None:
    """Keep what this publish goes by."""
    connection.execute(text(WRITE_STATE), asdict(state))


def keep_catalog(connection: Connection) -> None:
    """Keep what this publish takes from the catalog."""
    for name, statement in KEEP_CATALOG.items():
        connection.execute(text(f"delete from {name}"))
        connection.execute(text(f"insert into {name} {statement}"))
        connection.execute(text(f"analyze {name}"))


def read_contracts(connection: Connection, customer_nos: list[int] | None = None) -> pl.DataFrame:
    """The contracts of all customers or of some: contract_no, customer_no, plan_no, start_on, end_on, anchor."""
    return read_frame(connection, READ_CONTRACTS, CONTRACT_COLUMNS, customer_nos=customer_nos)


def read_pricings(connection: Connection) -> pl.DataFrame:
    """The pricings that carry usage: pricing_no, plan_no, meter_no, interval, interval_count."""
    return read_frame(connection, READ_PRICINGS, PRICING_COLUMNS)
