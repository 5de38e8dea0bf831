"""The working tables: temporary tables through which the stages of a publish pass rows to one another.

Each is declared with its grain and its columns. The head of the statement in a ``.sql`` file says which one makes it
and which ones read it. Those that parallel workers of Postgres read are unlogged tables, dropped by the publish that
made them; all others are temporary and go with the transaction.
"""

from typing import Any, Final

from sqlalchemy import Boolean, Column, Date, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from schemas.tables.metadata import INSTANT

working: Final = MetaData()


def _temporary(name: str, grain: str, *columns: Column[Any]) -> Table:
    """Declare a table that goes with the transaction."""
    return Table(name, working, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP", comment=grain)


def _unlogged(name: str, grain: str, *columns: Column[Any]) -> Table:
    """Declare a table that parallel workers can read, dropped by the publish that made it."""
    return Table(name, working, *columns, prefixes=["UNLOGGED"], comment=grain)


# --- identity: deduplicating an import ---------------------------------------------------------------------------


# --- usage: from events to lines ---------------------------------------------------------------------------------


# --- catalog: applying a folder ----------------------------------------------------------------------------------

customers_to_write: Final = _temporary(
    "customers_to_write",
    "One row per customer that is new or has changed, in the order of the folder.",
    Column("place", Integer),
    Column("id", Text),
    Column("external_customer_id", Text),
    Column("document", JSONB),
)

meters_to_write: Final = _temporary(
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

plans_to_write: Final = _temporary(
    "plans_to_write",
    "One row per plan that is new or has changed, in the order of the folder.",
    Column("place", Integer),
    Column("id", Text),
    Column("document", JSONB),
)

contracts_to_write: Final = _temporary(
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

pricings_to_write: Final = _temporary(
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
