"""Unassigned: events that count on no line, by customer, event name and the first reason that holds."""

from typing import Any, Final

from sqlalchemy import Connection, text

from flows.usage import UsageFilter, refuse_unknown
from schemas.errors import ConfigurationError
from schemas.usage import Unassigned

REASONS: Final = """
    with edges as (
        select customer_no, array_agg(distinct edge order by edge) as edges
        from contracts cross join unnest(array[start_on, end_on]) edge where edge is not null group by 1
    ), matched as (
        select row_number() over () as match_no, m.customer_no, m.pin, m.event_name, m.meters,
               sum(m.event_count) as event_count, min(m.day) as day, max(m.day) as last_day
        from {matches} m left join edges e using (customer_no)
        {where}
        group by m.customer_no, m.pin, m.event_name, m.meters, width_bucket(m.day, e.edges)
    ), pricing as (
        select distinct c.customer_no, c.contract_no, g.meter_no, c.start_on, c.end_on
        from contracts c join pricings g using (plan_no) where g.meter_no is not null
    ), priced as (
        select m.match_no, p.meter_no, count(*) as contracts
        from matched m cross join unnest(m.meters) asked (meter_no)
        join pricing p on p.customer_no = m.customer_no and p.meter_no = asked.meter_no and (m.pin = 0 or m.pin = p.contract_no)
            and m.day >= p.start_on and (p.end_on is null or m.day < p.end_on)
        group by 1, 2
    ), judged as (
        select match_no, bool_or(contracts = 1) as is_counted, bool_or(contracts > 1) as is_ambiguous
        from priced group by 1
    ), reasoned as (
        select b.customer_no, b.event_name, b.event_count, b.day, b.last_day,
               case when j.is_counted and j.is_ambiguous then 'partly_ambiguous'
                    when j.is_counted then null
                    when j.is_ambiguous then 'ambiguous_contract'
                    when not exists (
                        select from contracts c where c.customer_no = b.customer_no and (b.pin = 0 or b.pin = c.contract_no)
                    ) then 'no_contract'
                    when not exists (
                        select from contracts c
                        where c.customer_no = b.customer_no and (b.pin = 0 or b.pin = c.contract_no)
                            and b.day >= c.start_on and (c.end_on is null or b.day < c.end_on)
                    ) then 'outside_contract'
                    else 'no_meter' end as reason
        from matched b left join judged j using (match_no)
    )
"""
"""Between the edges of a customer's contracts every day is judged alike, so the days are folded before they are judged."""

OF_CUSTOMER: Final = """
    where cast(:customer as text) is null or m.customer_no in (
        select customer_no from customers where id = :customer or external_customer_id = :customer
    )
"""

BY_REASON: Final = """
    select reason, sum(event_count)::bigint as events
    from reasoned where reason <> 'partly_ambiguous' group by 1 order by 1
"""

BY_CUSTOMER: Final = """
    select c.id as customer_id, c.external_customer_id, r.event_name, r.reason, sum(r.event_count)::bigint as event_count,
           min(r.day) as first_day, max(r.last_day) as last_day
    from reasoned r join customers c using (customer_no)
    where r.reason is not null and (cast(:reason as text) is null or r.reason = :reason)
    group by 1, 2, 3, 4 order by 1, 3, 4
"""


def count_by_reason(connection: Connection, *, matches: str) -> dict[str, int]:
    """How many events of a table shaped as ``daily_matches`` count on no line, by reason."""
    statement = REASONS.format(matches=matches, where="") + BY_REASON
    return {row.reason: int(row.events) for row in connection.execute(text(statement))}


def list_unassigned(
    connection: Connection, *, customer: str | None, reason: str | None
) -> list[dict[str, Any]]:
    """Unassigned events by customer, event name and reason, as of the last publish.

    Raises ConfigurationError for a reason or customer that there is not.
    """
    if reason is not None and reason not in set(Unassigned):
        raise ConfigurationError(f"unknown reason {reason!r}; there is {', '.join(Unassigned)}")
    refuse_unknown(connection, UsageFilter(customer=customer))
    statement = REASONS.format(matches="daily_matches", where=OF_CUSTOMER) + BY_CUSTOMER
    rows = connection.execute(text(statement), {"customer": customer, "reason": reason})
    return [dict(row) for row in rows.mappings()]
