"""Fold usage into lines, and write a revision of each line that changed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from flows.database.exclusive import filling
from flows.database.unlogged import create_as, drop_scratch
from schemas.tables.usage import usage_lines
from transforms.usage.facts import FACTS_TABLE
from transforms.usage.meters import MeterRule

Kinds = dict[str, list[int]]
"""The numbers of the meters whose usage is not added up, by the parameter that tells them."""

AFFECTED_TABLE: Final = "scratch_affected"

REACHED_TABLE: Final = "scratch_reached"

FOLDED_TABLE: Final = "scratch_folded"

SLICES: Final = 8
"""What is folded anew of everyone is cut into so many slices of customers, each folded by one process."""


CREATE_MOVED: Final = f"""
    create temporary table moved on commit drop as
    select customer_no, min(first_at) as from_at, max(last_at) as to_at, false as is_lost from {FACTS_TABLE} group by customer_no, interval_no
    union all select customer_no, from_at, until_at, true from dirty
"""
"""Whose usage has changed, between which instants, and whether any of it may be gone."""

CREATE_MOVED_ALL: Final = """
    create temporary table moved on commit drop as
    select customer_no, timestamptz '-infinity' as from_at, timestamptz 'infinity' as to_at, true as is_lost
    from (
        select customer_no from schedules union select customer_no from usage_lines where replaced_publish_no is null
    ) everyone
"""

CREATE_AFFECTED: Final = f"""
    create unlogged table {AFFECTED_TABLE} as
    select distinct s.customer_no, p.*
    from moved m join schedules s using (customer_no)
    join periods p on p.schedule_no = s.schedule_no and p.period_start <= m.to_at and p.period_end > m.from_at
"""
"""The periods that are folded anew: one row per customer × period of one of its schedules."""

CREATE_REACHED: Final = f"""
    create unlogged table {REACHED_TABLE} as
    select s.*, s.customer_no % {SLICES} as slice, c.starts, r.read_from, r.read_until, a.ambiguous
    from priced s
    join (
        select customer_no, schedule_no, min(period_start) as read_from, max(period_end) as read_until from {AFFECTED_TABLE} group by 1, 2
    ) r using (customer_no, schedule_no)
    join (
        select schedule_no, array_agg(period_start order by period_start) as starts from periods group by 1
    ) c using (schedule_no)
    left join (
        select customer_no, meter_no, range_agg(tstzrange(from_at, until_at)) as ambiguous from ambiguities group by 1, 2
    ) a using (customer_no, meter_no)
"""
"""Which usage that takes, contract × usage pricing: all from the first of those periods to the last."""

LINE_ID: Final = """
    encode(substr(sha256(convert_to(
        p.id_head || ', ' || to_json(p.group_key)::text || ', ' || extract(epoch from p.period_start) || ']', 'UTF8'
    )), 1, 16), 'hex')::uuid
"""
"""A line's id is made of what the line is: contract, plan, pricing, group, and where its period starts, as a JSON list."""

FOLD_USAGE: Final = f"""
    (with placed as (
        select r.contract_no, r.pricing_no, r.starts[width_bucket(u.first_at, r.starts)] as period_start, u.group_key,
               min(r.id_head) as id_head, min(r.customer_no) as customer_no, min(r.schedule_no) as schedule_no, r.meter_no,
               case when r.meter_no = any(:maximum_meters) then max(u.quantity)
                    when r.meter_no = any(:minimum_meters) then min(u.quantity)
                    else coalesce(sum(u.quantity), 0) end as quantity,
               sum(u.event_count)::bigint as event_count, sum(u.unusable_count)::bigint as unusable_count,
               min(u.first_at) as first_event_at, max(u.last_at) as last_event_at
        from {REACHED_TABLE} r
        join folded_usage u on u.customer_no = r.customer_no and u.meter_no = r.meter_no and (u.pinned_contract_no = 0 or u.pinned_contract_no = r.contract_no)
            and u.first_at >= r.read_from and u.first_at < r.read_until
        where {{of_slice}} and (u.pinned_contract_no <> 0 or r.ambiguous is null or not u.first_at <@ r.ambiguous)
        group by 1, 2, 3, 4, r.meter_no
    )
    select {LINE_ID} as line_id, p.contract_no, p.pricing_no, p.meter_no, p.customer_no, p.period_start_on, p.period_end_on,
           p.period_start, p.period_end, p.group_key, p.quantity, p.event_count, p.unusable_count,
           p.first_event_at, p.last_event_at, false as is_withdrawn
    from (placed join {AFFECTED_TABLE} using (customer_no, schedule_no, period_start)) p)
"""
"""Periods of a schedule tile it, so the period of a interval_no is the last that starts by its first event.

What a contract and a pricing say of themselves goes along as a minimum of equals: joined once more to groups whose number
nobody can guess, it took seconds.
"""

FOLD_VANISHED: Final = f"""
    insert into {FOLDED_TABLE}
    with standing as not materialized (
        select *, group_key = '{{}}' and event_count = 0 as is_empty
        from usage_lines where replaced_publish_no is null and not is_withdrawn
    ), doubtful as (
        select * from standing l where is_empty and exists (
            select from moved m where m.customer_no = l.customer_no and l.period_start <= m.to_at and l.period_end > m.from_at
        )
        union all
        select * from standing l where not is_empty and exists (
            select from moved m where m.is_lost and m.customer_no = l.customer_no
            and l.period_start <= m.to_at and l.period_end > m.from_at
        )
    )
    select v.line_id, v.contract_no, v.pricing_no, v.meter_no, v.customer_no, v.period_start_on, v.period_end_on,
           v.period_start, v.period_end, v.group_key,
           case when v.is_placed and not (v.meter_no = any(:maximum_meters) or v.meter_no = any(:minimum_meters)) then 0 end,
           0, 0, null, null, not v.is_placed
    from (
        select l.line_id, l.contract_no, l.pricing_no, coalesce(p.meter_no, l.meter_no) as meter_no,
               coalesce(p.customer_no, l.customer_no) as customer_no, l.period_start_on, l.period_end_on, l.period_start,
               l.period_end, l.group_key,
               l.group_key = '{{}}' and p.contract_no is not null and p.period_start <= :clock and not exists (
                   select from {FOLDED_TABLE} f where f.contract_no = l.contract_no and f.pricing_no = l.pricing_no
                   and f.period_start_on = l.period_start_on
               ) as is_placed
        from doubtful l
        left join (priced join periods using (schedule_no)) p
            on (p.contract_no, p.pricing_no, p.period_start, p.period_end)
                = (l.contract_no, l.pricing_no, l.period_start, l.period_end)
        where not exists (select from {FOLDED_TABLE} f where f.line_id = l.line_id)
    ) v
"""
"""A line that no event counts on any more is empty where its period is still laid out, as that says; else withdrawn.

So is an empty line once its pricing has groups in its period: only there does an arrival take a line away.
"""

FIND_CHANGED: Final = f"""
    create temporary table changed on commit drop as
    select f.*, coalesce(l.revision, 0) + 1 as revision
    from {FOLDED_TABLE} f left join usage_lines l on l.line_id = f.line_id and l.replaced_publish_no is null
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

IS_FIRST: Final = """
    select not exists (select from usage_lines)
        and not exists (select from pg_constraint where confrelid = 'usage_lines'::regclass)
"""
"""No line is held yet, and nobody refers to the key of the lines, which could not be made anew then."""

WRITE_REVISIONS: Final = """
    insert into usage_lines
        (line_id, revision, contract_no, pricing_no, meter_no, customer_no, period_start_on, period_end_on, period_start,
         period_end, group_key, quantity, event_count, unusable_count, first_event_at, last_event_at, is_withdrawn,
         import_id, publish_no)
    select line_id, {revision}, contract_no, pricing_no, meter_no, customer_no, period_start_on, period_end_on, period_start,
           period_end, group_key, quantity, event_count, unusable_count, first_event_at, last_event_at, is_withdrawn,
           :import_id, :publish_no
    from {source}
"""

WRITE_FIRST: Final = WRITE_REVISIONS.format(revision=1, source=FOLDED_TABLE)

WRITE_CHANGED: Final = WRITE_REVISIONS.format(
    revision="revision", source="changed order by line_id, revision"
)


@dataclass(frozen=True)
class Publication:
    """What a publish is told of: its own id and number, and the greatest clock so far."""

    import_id: int
    publish_no: int
    clock: datetime


def write_lines(
    connection: Connection, rules: Sequence[MeterRule], publication: Publication, *, is_everyone: bool
) -> int:
    """Fold the usage around ``facts`` and ``dirty``, or all, and revise what changed; how many lines did.

    Reads what :func:`place_contracts` laid out.
    """
    kinds: Kinds = {
        "maximum_meters": [rule.meter_no for rule in rules if rule.aggregation == "MAX"],
        "minimum_meters": [rule.meter_no for rule in rules if rule.aggregation == "MIN"],
    }
    connection.execute(text(CREATE_MOVED_ALL if is_everyone else CREATE_MOVED))
    connection.execute(text("analyze moved"))
    connection.execute(text(CREATE_AFFECTED))
    connection.execute(text(f"analyze {AFFECTED_TABLE}"))
    connection.execute(text(CREATE_REACHED))
    connection.execute(text(f"analyze {REACHED_TABLE}"))
    _fold(connection, kinds, slices=SLICES if is_everyone else 1)
    connection.execute(text(f"analyze {FOLDED_TABLE}"))
    if connection.scalar(text(IS_FIRST)):
        lines_changed = _write_first(connection, publication)
    else:
        lines_changed = _revise(connection, publication, kinds)
    connection.execute(text("analyze usage_lines"))
    drop_scratch(connection, AFFECTED_TABLE, REACHED_TABLE, FOLDED_TABLE)
    return lines_changed


def _write_first(connection: Connection, publication: Publication) -> int:
    """Write what was folded, where no line has been before; how many lines."""
    with filling(connection, usage_lines):
        return connection.execute(text(WRITE_FIRST), asdict(publication)).rowcount


def _revise(connection: Connection, publication: Publication, kinds: Kinds) -> int:
    """Compare what was folded with the lines that hold, and write a revision of those that differ; how many lines."""
    connection.execute(text(FOLD_VANISHED), {**kinds, "clock": publication.clock})
    connection.execute(text(FIND_CHANGED))
    connection.execute(text("analyze changed"))
    connection.execute(text(REPLACE_CHANGED), {"publish_no": publication.publish_no})
    return connection.execute(text(WRITE_CHANGED), asdict(publication)).rowcount


def _fold(connection: Connection, kinds: Kinds, *, slices: int) -> None:
    """Fold the usage that is reached into lines, all at once or slice by slice."""
    wanted = ["true"] if slices == 1 else [f"r.slice = {n}" for n in range(slices)]
    statement = " union all ".join(FOLD_USAGE.format(of_slice=one) for one in wanted)
    create_as(connection, FOLDED_TABLE, text(statement).bindparams(**kinds), is_parted=slices > 1)
