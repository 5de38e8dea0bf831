"""Lay out the times of contracts: the periods of their pricings, and where several contracts cover one instant."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from flows.database.copy import copy_frame
from flows.usage.rollup_basis import read_contracts, read_pricings
from transforms.rows.sift import latest_at
from transforms.usage.ambiguity import ambiguities
from transforms.usage.coverage import coverages
from transforms.usage.periods import schedules

CREATE_SCHEDULES: Final = """
    create temporary table schedules (contract_no int, customer_no int, "interval" text, interval_count int, schedule_no int)
    on commit drop
"""

CREATE_PERIODS: Final = """
    create temporary table periods (
        schedule_no int, period_start timestamptz, period_end timestamptz, period_start_on date, period_end_on date
    ) on commit drop
"""

CREATE_PRICED: Final = """
    create temporary table priced on commit drop as
    select s.contract_no, s.customer_no, s.schedule_no, g.pricing_no, g.meter_no,
           rtrim(json_build_array(c.id, c.plan_id, g.id)::text, ']') as id_head
    from schedules s join rolled_up_contracts c using (contract_no)
    join rolled_up_pricings g on (g.plan_no, g."interval", g.interval_count) = (c.plan_no, s."interval", s.interval_count)
"""
"""One row per contract × usage pricing, and how the ids of its lines begin."""

CREATE_COVERED: Final = """
    create temporary table covered (contract_no int, customer_no int, plan_no int, start_at timestamptz, end_at timestamptz)
    on commit drop
"""

CREATE_AMBIGUITIES: Final = """
    create temporary table ambiguities (customer_no int, meter_no int, from_at timestamptz, until_at timestamptz) on commit drop
"""

WRITE_BOUNDARIES: Final = """
    insert into customer_boundaries
    select customer_no, array_agg(distinct boundary order by boundary) from (
        select customer_no, unnest(array[period_start, period_end]) as boundary from schedules join periods using (schedule_no)
        union all select customer_no, unnest(array_remove(array[start_at, end_at], null)) from covered
    ) told group by customer_no
    on conflict (customer_no) do update set boundaries = excluded.boundaries
    where customer_boundaries.boundaries is distinct from excluded.boundaries
"""

DELETE_BOUNDARIES: Final = (
    "delete from customer_boundaries where customer_no not in (select customer_no from covered)"
)


def place_contracts(
    connection: Connection, *, zone: str, clock: datetime, customer_nos: list[int] | None = None
) -> None:
    """Lay out what contracts cover and the periods of their pricings, as far as any event can lie at `clock`.

    They are those that the lines are made from, of all customers or of some. Leaves temporary tables ``schedules``,
    ``periods``, ``covered``, ``ambiguities`` and ``priced``; all analysed, because joins of tables whose size is not known
    have taken minutes.
    """
    contracts, pricings = read_contracts(connection, customer_nos), read_pricings(connection)
    covered = contracts.join(coverages(contracts, zone=zone), on="contract_no").select(
        "contract_no", "customer_no", "plan_no", "start_at", "end_at"
    )
    laid_out = schedules(contracts, pricings, zone=zone, until=latest_at(clock))
    for name, statement, frame in (
        ("schedules", CREATE_SCHEDULES, laid_out.contracts),
        ("periods", CREATE_PERIODS, laid_out.periods),
        ("covered", CREATE_COVERED, covered),
        ("ambiguities", CREATE_AMBIGUITIES, ambiguities(covered, pricings)),
    ):
        connection.execute(text(statement))
        copy_frame(connection, name, frame)
        connection.execute(text(f"analyze {name}"))
    connection.execute(text(CREATE_PRICED))
    connection.execute(text("analyze priced"))


def write_boundaries(connection: Connection) -> None:
    """Keep where the periods laid out by :func:`place_contracts` cut each customer's time."""
    for statement in (WRITE_BOUNDARIES, DELETE_BOUNDARIES):
        connection.execute(text(statement))
