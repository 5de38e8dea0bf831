"""Lay out the times of contracts: the periods of their pricings, and where several contracts cover one instant."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from flows.database.copy import copy_frame
from flows.database.execute import execute
from flows.usage.rollup_basis import read_contracts, read_pricings
from schemas.tables.working_usage import (
    ambiguous_ranges,
    billing_periods,
    contract_coverage,
    contract_schedules,
)
from transforms.statements import statements
from transforms.usage.ambiguity import ambiguities
from transforms.usage.coverage import coverages
from transforms.usage.periods import schedules
from transforms.values.days import latest_at

SQL: Final = statements("flows/usage/contract_times.sql")


def lay_out_contracts(
    connection: Connection, *, zone: str, clock: datetime, customer_nos: list[int] | None = None
) -> None:
    """Lay out the coverage of contracts and the periods of their pricings, as far as any event can lie at `clock`.

    customer_nos: only these customers; all if None. The contracts are those that the lines are made from. Leaves the
    working tables ``contract_schedules``, ``billing_periods``, ``contract_coverage``, ``ambiguous_ranges`` and
    ``contract_pricings``, all analysed: joins of tables of unknown size took minutes.
    """
    contracts, pricings = read_contracts(connection, customer_nos), read_pricings(connection)
    covered = contracts.join(coverages(contracts, zone=zone), on="contract_no").select(
        "contract_no", "customer_no", "plan_no", "start_at", "end_at"
    )
    laid_out = schedules(contracts, pricings, zone=zone, until=latest_at(clock))
    for table, frame in (
        (contract_schedules, laid_out.contracts),
        (billing_periods, laid_out.periods),
        (contract_coverage, covered),
        (ambiguous_ranges, ambiguities(covered, pricings)),
    ):
        table.create(connection, checkfirst=False)
        copy_frame(connection, table.name, frame)
        connection.execute(text(f"analyze {table.name}"))
    execute(connection, SQL["list_contract_pricings"])
    connection.execute(text("analyze contract_pricings"))


def write_boundaries(connection: Connection) -> None:
    """Write where the contracts and periods that :func:`lay_out_contracts` laid out divide each customer's time."""
    execute(connection, SQL["write_boundaries"])
    execute(connection, SQL["delete_boundaries"])
