"""Lines: days folded into the periods of contracts, and revisions of exactly the lines that changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from sqlalchemy import Connection, text

from flows.catalog import CatalogFrames
from flows.copying import copy_frame
from transforms.lines import ambiguities
from transforms.meters import MeterRule
from transforms.periods import placements

CREATE_PLACEMENTS: Final = """
    create temporary table placements (
        contract_no int, pricing_no int, meter_no int, customer_no int, period_start_on date, period_end_on date,
        period_start timestamptz, period_end timestamptz
    ) on commit drop
"""

CREATE_AMBIGUITIES: Final = """
    create temporary table ambiguities (customer_no int, meter_no int, from_on date, until_on date) on commit drop
"""

CREATE_AFFECTED: Final = """
    create temporary table affected_customers on commit drop as select distinct customer_no from dirty_days
"""

CREATE_AFFECTED_ALL: Final = """
    create temporary table affected_customers on commit drop as
    select customer_no from daily_usage union select customer_no from usage_lines where replaced_publish_no is null
"""

CREATE_FOLDED: Final = """
    create temporary table folded on commit drop as
    select line_id, contract_no, pricing_no, meter_no, customer_no, period_start_on, period_end_on, period_start,
           period_end, group_key, quantity, event_count, unusable_count, first_event_at, last_event_at, is_withdrawn
    from usage_lines with no data
"""

LINE_ID: Final = """
    encode(substr(sha256(convert_to(
        jsonb_build_array(c.id, l.id, g.id, p.group_key, extract(epoch from p.period_start))::text, 'UTF8'
    )), 1, 16), 'hex')::uuid
"""
"""A line's id is made of what the line is: contract, plan, pricing, group, and where its period starts."""

CREATE_SCHEDULES: Final = """
    create temporary table schedules on commit drop as
    select contract_no, pricing_no, meter_no, customer_no, min(period_start_on) as covered_from,
           max(period_end_on) as covered_until, array_agg(period_start_on order by period_start_on) as starts_on
    from placements group by contract_no, pricing_no, meter_no, customer_no
"""

FOLD_DAYS: Final = f"""
    insert into folded
    with placed as (
        select s.contract_no, s.pricing_no, s.meter_no, u.group_key,
               s.starts_on[width_bucket(u.day, s.starts_on)] as period_start_on,
               case when s.meter_no = any(:maximum_meters) then max(u.quantity)
                    when s.meter_no = any(:minimum_meters) then min(u.quantity)
                    else coalesce(sum(u.quantity), 0) end as quantity,
               sum(u.event_count)::bigint as event_count, sum(u.unusable_count)::bigint as unusable_count,
               min(u.first_at) as first_event_at, max(u.last_at) as last_event_at
        from daily_usage u
        join schedules s on s.customer_no = u.customer_no and s.meter_no = u.meter_no
            and u.day >= s.covered_from and u.day < s.covered_until and (u.pin = 0 or u.pin = s.contract_no)
        where u.customer_no in (select customer_no from affected_customers) and not (u.pin = 0 and exists (
            select from ambiguities a
            where a.customer_no = u.customer_no and a.meter_no = u.meter_no and u.day >= a.from_on and u.day < a.until_on
        ))
        group by 1, 2, 3, 4, 5
    )
    select {LINE_ID}, p.contract_no, p.pricing_no, p.meter_no, p.customer_no, p.period_start_on, p.period_end_on,
           p.period_start, p.period_end, p.group_key, p.quantity, p.event_count, p.unusable_count, p.first_event_at,
           p.last_event_at, false
    from (placed join placements using (contract_no, pricing_no, meter_no, period_start_on)) p
    join contracts c using (contract_no) join pricings g using (pricing_no) join plans l on l.plan_no = g.plan_no
"""
"""Periods of a schedule tile it, so the period of a day is the last that starts on or before it."""

FOLD_VANISHED: Final = """
    insert into folded
    select v.line_id, v.contract_no, v.pricing_no, v.meter_no, v.customer_no, v.period_start_on, v.period_end_on,
           v.period_start, v.period_end, v.group_key,
           case when v.is_placed and not (v.meter_no = any(:maximum_meters) or v.meter_no = any(:minimum_meters)) then 0 end,
           0, 0, null, null, not v.is_placed
    from (
        select l.line_id, l.contract_no, l.pricing_no, coalesce(p.meter_no, l.meter_no) as meter_no,
               coalesce(p.customer_no, l.customer_no) as customer_no, l.period_start_on, l.period_end_on, l.period_start,
               l.period_end, l.group_key, l.group_key = '{}' and p.contract_no is not null and not exists (
                   select from folded f where f.contract_no = l.contract_no and f.pricing_no = l.pricing_no
                   and f.period_start_on = l.period_start_on
               ) as is_placed
        from usage_lines l left join placements p
            on (p.contract_no, p.pricing_no, p.period_start, p.period_end)
                = (l.contract_no, l.pricing_no, l.period_start, l.period_end)
        where l.replaced_publish_no is null and not l.is_withdrawn
            and l.customer_no in (select customer_no from affected_customers)
            and not exists (select from folded f where f.line_id = l.line_id)
    ) v
"""
"""A line that no event counts on any more is empty where its period is still laid out, as that says; else withdrawn."""

FIND_CHANGED: Final = """
    create temporary table changed on commit drop as
    select f.*, coalesce(l.revision, 0) + 1 as revision
    from folded f left join usage_lines l on l.line_id = f.line_id and l.replaced_publish_no is null
    where (l.line_id is null and not f.is_withdrawn) or (
        l.line_id is not null
        and (f.quantity, f.event_count, f.unusable_count, f.first_event_at, f.last_event_at, f.period_end,
             f.customer_no, f.meter_no, f.is_withdrawn)
            is distinct from
            (l.quantity, l.event_count, l.unusable_count, l.first_event_at, l.last_event_at, l.period_end,
             l.customer_no, l.meter_no, l.is_withdrawn)
    )
"""

REPLACE_CHANGED: Final = """
    update usage_lines l set replaced_publish_no = :publish_no
    from changed c where l.line_id = c.line_id and l.replaced_publish_no is null
"""

WRITE_REVISIONS: Final = """
    insert into usage_lines
        (line_id, revision, contract_no, pricing_no, meter_no, customer_no, period_start_on, period_end_on, period_start,
         period_end, group_key, quantity, event_count, unusable_count, first_event_at, last_event_at, is_withdrawn,
         import_id, publish_no)
    select line_id, revision, contract_no, pricing_no, meter_no, customer_no, period_start_on, period_end_on, period_start,
           period_end, group_key, quantity, event_count, unusable_count, first_event_at, last_event_at, is_withdrawn,
           :import_id, :publish_no
    from changed
"""


@dataclass(frozen=True)
class Publication:
    """What a publish is told of: its own id and number, and the greatest clock up to which periods are laid out."""

    import_id: int
    publish_no: int
    clock: datetime


def write_lines(
    connection: Connection,
    catalog: CatalogFrames,
    rules: Sequence[MeterRule],
    publication: Publication,
    *,
    zone: str,
    is_everyone: bool,
) -> int:
    """Fold the daily usage of the customers in ``dirty_days``, or of all, and revise what changed; how many lines did.

    Leaves the temporary tables ``placements``, ``ambiguities`` and ``changed``.
    """
    connection.execute(text(CREATE_AFFECTED_ALL if is_everyone else CREATE_AFFECTED))
    connection.execute(text("analyze affected_customers"))
    place_contracts(connection, catalog, zone=zone, clock=publication.clock)
    kinds = {
        "maximum_meters": [rule.meter_no for rule in rules if rule.aggregation == "MAX"],
        "minimum_meters": [rule.meter_no for rule in rules if rule.aggregation == "MIN"],
    }
    connection.execute(text(CREATE_SCHEDULES))
    connection.execute(text("analyze schedules"))
    connection.execute(text(CREATE_FOLDED))
    connection.execute(text(FOLD_DAYS), kinds)
    connection.execute(text("analyze folded"))
    connection.execute(text(FOLD_VANISHED), kinds)
    connection.execute(text(FIND_CHANGED))
    connection.execute(text("analyze changed"))
    numbers = {"import_id": publication.import_id, "publish_no": publication.publish_no}
    connection.execute(text(REPLACE_CHANGED), {"publish_no": publication.publish_no})
    return connection.execute(text(WRITE_REVISIONS), numbers).rowcount


def place_contracts(connection: Connection, catalog: CatalogFrames, *, zone: str, clock: datetime) -> None:
    """Lay out the periods of every contract's pricing up to `clock`, and past it as far as there are events."""
    last_day = connection.scalar(text("select max(day) from daily_usage"))
    until = (
        clock
        if last_day is None
        else max(clock, datetime.combine(last_day, time.max, UTC) + timedelta(days=1))
    )
    connection.execute(text(CREATE_PLACEMENTS))
    connection.execute(text(CREATE_AMBIGUITIES))
    copy_frame(
        connection, "placements", placements(catalog.contracts, catalog.pricings, zone=zone, until=until)
    )
    copy_frame(connection, "ambiguities", ambiguities(catalog.contracts, catalog.pricings))
    connection.execute(text("analyze placements"))
    connection.execute(text("analyze ambiguities"))
