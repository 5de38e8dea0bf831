"""Read the usage lines, the empty ones among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text

from flows.catalog.lookup import CUSTOMERS_NAMED, refuse_unknown
from flows.database.read import read_batches
from flows.history.runs import latest_clock
from flows.usage.contract_times import place_contracts
from flows.usage.lines import LINE_ID
from flows.usage.rollup_basis import read_state
from transforms.values.ids import is_same_id

LINES_AT_ONCE: Final = 10_000
"""Lines held in memory together, whatever their number."""

READ_TO_THE_END: Final = "set local cursor_tuple_fraction = 1"
"""Postgres plans a cursor for the first tenth of its rows, unless told that all are wanted."""


READ_LINES: Final = f"""
    with lines as (
        select l.line_id, l.contract_no, l.pricing_no, l.meter_no, l.customer_no, l.period_start_on, l.period_end_on,
               l.period_start, l.period_end, l.group_key, l.quantity, l.event_count, l.unusable_count, l.first_event_at, l.last_event_at,
               l.revision, l.import_id
        from usage_lines l
        where l.replaced_publish_no is null and not l.is_withdrawn
            and (cast(:customer_nos as int[]) is null or l.customer_no = any(:customer_nos))
        union all
        select {LINE_ID}, p.contract_no, p.pricing_no, p.meter_no, p.customer_no, p.period_start_on, p.period_end_on,
               p.period_start, p.period_end, p.group_key, case when m.aggregation in ('MAX', 'MIN') then null else 0 end,
               0, 0, null, null, 0, null
        from (
            select *, '{{}}' as group_key from priced join periods using (schedule_no) where period_start <= :clock
        ) p join rolled_up_meters m on m.meter_no = p.meter_no
        where not exists (
            select from usage_lines u
            where u.contract_no = p.contract_no and u.pricing_no = p.pricing_no and u.period_start = p.period_start
                and u.replaced_publish_no is null and not u.is_withdrawn
        )
    )
    select l.line_id::text, c.id as contract_id, k.id as customer_id, k.external_customer_id, s.id as plan_id,
           g.id as pricing_id, n.id as meter_id, m.code as meter_code,
           m.aggregation, l.group_key as "group", l.period_start,
           l.period_end,
           case when m.is_supported then trim_scale(l.quantity)::text end as quantity,
           l.event_count, l.unusable_count, l.first_event_at, l.last_event_at,
           case when not m.is_supported then 'unsupported' when l.period_end <= :clock then 'due' else 'open' end as status,
           'usage' as kind, l.revision, l.import_id, l.period_start_on, l.period_end_on
    from lines l
    join contracts c using (contract_no) join customers k on k.customer_no = l.customer_no
    join pricings g using (pricing_no) join plans s on s.plan_no = g.plan_no
    join rolled_up_meters m on m.meter_no = l.meter_no join meters n on n.meter_no = l.meter_no
    where (cast(:period as text) is null or to_char(l.period_start_on, 'YYYY-MM') = :period)
        and (cast(:contract as text) is null or {is_same_id("c.id", ":contract")})
        and (cast(:meter as text) is null or m.code = :meter)
    order by c.id collate "C", g.id collate "C", l.period_start, l.group_key collate "C"
"""


@dataclass(frozen=True)
class UsageFilter:
    """Which lines are asked for; what is None does not narrow."""

    period: str | None = None
    customer: str | None = None
    contract: str | None = None
    meter: str | None = None


def read_usage(connection: Connection, wanted: UsageFilter) -> Iterator[list[dict[str, Any]]]:
    """The lines asked for, by contract, pricing, period and group; read some at a time.

    Their columns are ``USAGE_COLUMNS``, and the days in the billing time zone on which the period begins and ends
    (exclusive). Instants are datetimes, the quantity is plain decimal text. Raises ConfigurationError for a filter that names nothing.
    """
    refuse_unknown(connection, customer=wanted.customer, contract=wanted.contract, meter=wanted.meter)
    clock = latest_clock(connection)
    state = read_state(connection)
    if clock is None or state is None:
        return iter(())
    customer_nos = None
    if wanted.customer is not None:
        customer_nos = list(connection.scalars(text(CUSTOMERS_NAMED), {"customer": wanted.customer}))
    place_contracts(connection, zone=state.billing_time_zone, clock=clock, customer_nos=customer_nos)
    asked = {
        "clock": clock,
        "period": wanted.period,
        "customer_nos": customer_nos,
        "contract": wanted.contract,
        "meter": wanted.meter,
    }
    connection.execute(text(READ_TO_THE_END))
    return read_batches(connection, READ_LINES, asked, size=LINES_AT_ONCE)
