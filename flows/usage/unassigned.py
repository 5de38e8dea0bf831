"""Unassigned: events that count on no line, by customer, event name and the first reason that holds."""

from typing import Any, Final

from sqlalchemy import Connection, text

from flows.catalog.lookup import CUSTOMERS_NAMED, refuse_unknown
from flows.usage.contract_times import place_contracts
from flows.usage.rollup_basis import read_state
from schemas.errors import ConfigurationError
from schemas.vocabulary import Unassigned
from transforms.values.days import FIRST_INSTANT, day_of

CREATE_MATCHED: Final = """
    create temporary table matched on commit drop as
    select row_number() over () as match_no, m.customer_no, m.pinned_contract_no, m.event_name, m.meters,
           sum(m.event_count) as event_count, min(m.first_at) as first_at, max(m.last_at) as last_at
    from folded_matches m left join customer_boundaries e using (customer_no)
    {where}
    group by m.customer_no, m.pinned_contract_no, m.event_name, m.meters, width_bucket(m.first_at, e.boundaries)
"""
"""All events of a interval_no are judged alike, so they are counted before they are judged."""

REASONS: Final = """
    with ambiguous as (
        select m.match_no, array_agg(a.meter_no) as meters
        from matched m join ambiguities a on a.customer_no = m.customer_no and a.meter_no = any(m.meters)
            and m.first_at >= a.from_at and m.first_at < a.until_at
        where m.pinned_contract_no = 0 group by 1
    ), owned as (
        select c.contract_no, c.customer_no, v.start_at, v.end_at, array_agg(g.meter_no) as meters
        from rolled_up_contracts c left join covered v using (contract_no)
        left join rolled_up_pricings g on g.plan_no = c.plan_no
        group by 1, 2, 3, 4
    ), judged as (
        select m.match_no, a.meters is not null as is_ambiguous, count(o.contract_no) > 0 as is_owned,
               bool_or(m.first_at >= o.start_at and (o.end_at is null or m.first_at < o.end_at)) as is_covered,
               bool_or(m.first_at >= o.start_at and (o.end_at is null or m.first_at < o.end_at) and exists (
                   select from unnest(m.meters) asked where asked = any(o.meters) and asked <> all(coalesce(a.meters, '{}'))
               )) as is_counted
        from matched m left join ambiguous a using (match_no)
        left join owned o on o.customer_no = m.customer_no and (m.pinned_contract_no = 0 or m.pinned_contract_no = o.contract_no)
        group by 1, 2
    ), reasoned as (
        select m.customer_no, m.event_name, m.event_count, m.first_at, m.last_at,
               case when j.is_counted and j.is_ambiguous then 'partly_ambiguous'
                    when j.is_counted then null
                    when j.is_ambiguous then 'ambiguous_contract'
                    when not j.is_owned then 'no_contract'
                    when j.is_covered then 'no_meter'
                    else 'outside_contract' end as reason
        from matched m join judged j using (match_no)
    )
"""

OF_LAYER: Final = "where m.layer = :layer"
OF_CUSTOMER: Final = f"where cast(:customer as text) is null or m.customer_no in ({CUSTOMERS_NAMED})"

BY_REASON: Final = """
    select reason, sum(event_count)::bigint as events
    from reasoned where reason <> 'partly_ambiguous' group by 1 order by 1
"""

BY_CUSTOMER: Final = """
    select c.id as customer_id, c.external_customer_id, r.event_name, r.reason, sum(r.event_count)::bigint as event_count,
           min(r.first_at) as first_at, max(r.last_at) as last_at
    from reasoned r join customers c using (customer_no)
    where r.reason is not null and (cast(:reason as text) is null or r.reason = :reason)
    group by 1, 2, 3, 4 order by 1, 3, 4
"""


def count_by_reason(connection: Connection, *, layer: int) -> dict[str, int]:
    """How many events of a layer count on no line, by reason; reads what ``place_contracts`` laid out."""
    match_events(connection, OF_LAYER, layer=layer)
    return {row.reason: int(row.events) for row in connection.execute(text(REASONS + BY_REASON))}


def match_events(connection: Connection, where: str, **values: object) -> None:
    """Leave a temporary table ``matched`` of the events asked for; apart, because a plan without its size took minutes."""
    connection.execute(text(CREATE_MATCHED.format(where=where)), values)
    connection.execute(text("analyze matched"))


def list_unassigned(
    connection: Connection, *, customer: str | None, reason: str | None
) -> list[dict[str, Any]]:
    """Unassigned events by customer, event name and reason, as of the last publish.

    Raises ConfigurationError for a reason or customer that there is not.
    """
    if reason is not None and reason not in set(Unassigned):
        raise ConfigurationError(f"unknown reason {reason!r}; there is {', '.join(Unassigned)}")
    refuse_unknown(connection, customer=customer)
    state = read_state(connection)
    if state is None:
        return []
    zone = state.billing_time_zone
    place_contracts(connection, zone=zone, clock=FIRST_INSTANT)
    match_events(connection, OF_CUSTOMER, customer=customer)
    rows = connection.execute(text(REASONS + BY_CUSTOMER), {"reason": reason})
    return [_with_days(dict(row), zone) for row in rows.mappings()]


def _with_days(row: dict[str, Any], zone: str) -> dict[str, Any]:
    """The same row with the days of the zone on which its first and last event lie."""
    first_at, last_at = row.pop("first_at"), row.pop("last_at")
    return row | {"first_day": day_of(zone, first_at), "last_day": day_of(zone, last_at)}
