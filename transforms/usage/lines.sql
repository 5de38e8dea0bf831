-- Usage lines: how usage is folded into them, which ones change, and how they read.

-- fragment: line_id
-- The id of a line: a hash of what the line is, as a JSON list (contract, plan, pricing, group, start of the period).
encode(substr(sha256(convert_to(
    p.id_head || ', ' || to_json(p.group_key)::text || ', ' || extract(epoch from p.period_start) || ']', 'UTF8'
)), 1, 16), 'hex')::uuid;

-- fragment: empty_quantity
-- The quantity of a line without events: the largest and the smallest of none are null, the sum of none is 0.
case when m.aggregation in ({AggregationType.MAX}, {AggregationType.MIN}) then null else 0 end;

-- fragment: line_status
-- The status of a line that exists; the first that holds.
case when not m.is_supported then {LineStatus.UNSUPPORTED}
     when l.period_end <= :clock then {LineStatus.DUE}
     else {LineStatus.OPEN} end;

-- name: find_changed_ranges
-- Find whose usage or contracts have changed, between which instants, and whether events may be gone from there.
-- reads: event_facts, ranges_to_refold, customers_to_recompute
-- leaves: changed_ranges
create temporary table changed_ranges on commit drop as
select customer_no, min(first_at) as from_at, max(last_at) as to_at, false as is_lost
from event_facts group by customer_no, interval_no
union all select customer_no, from_at, until_at, true from ranges_to_refold
union all select customer_no, '-infinity', 'infinity', true from customers_to_recompute;

-- name: change_all_ranges
-- Take all of every customer's time as changed.
-- reads: contract_schedules, usage_lines
-- leaves: changed_ranges
create temporary table changed_ranges on commit drop as
select customer_no, timestamptz '-infinity' as from_at, timestamptz 'infinity' as to_at, true as is_lost
from (
    select customer_no from contract_schedules
    union select customer_no from usage_lines where replaced_publish_no is null
) everyone;

-- name: find_periods_to_recompute
-- Find the periods that a changed range touches.
-- reads: changed_ranges, contract_schedules, billing_periods
-- leaves: periods_to_recompute
create unlogged table periods_to_recompute as
select distinct s.customer_no, p.*
from changed_ranges c join contract_schedules s using (customer_no)
join billing_periods p on p.schedule_no = s.schedule_no and p.period_start <= c.to_at and p.period_end > c.from_at;

-- name: find_pricings_to_recompute
-- Find the pricings of those periods, and the range of usage that their lines are folded from.
-- reads: contract_pricings, periods_to_recompute, billing_periods, ambiguous_ranges, rolled_up_meters
-- leaves: pricings_to_recompute
create unlogged table pricings_to_recompute as
select s.*, m.aggregation, s.customer_no % {slices} as slice, c.starts, r.read_from, r.read_until, a.ambiguous
from contract_pricings s
join rolled_up_meters m using (meter_no)
join (
    select customer_no, schedule_no, min(period_start) as read_from, max(period_end) as read_until
    from periods_to_recompute group by 1, 2
) r using (customer_no, schedule_no)
join (
    select schedule_no, array_agg(period_start order by period_start) as starts from billing_periods group by 1
) c using (schedule_no)
left join (
    select customer_no, meter_no, range_agg(tstzrange(from_at, until_at)) as ambiguous
    from ambiguous_ranges group by 1, 2
) a using (customer_no, meter_no);

-- name: fold_lines
-- Fold the usage of one slice of customers into lines. An event without a pinned contract counts on no line where it is ambiguous.
-- The periods of a schedule tile it, so usage lies in the last period that starts by its first event. Values that are the
-- same for a whole contract and pricing are carried along as minima: joined to the groups afterwards they took seconds.
-- reads: pricings_to_recompute, folded_usage, periods_to_recompute
(with placed as (
    select r.contract_no, r.pricing_no, r.starts[width_bucket(u.first_at, r.starts)] as period_start, u.group_key,
           min(r.id_head) as id_head, min(r.customer_no) as customer_no, min(r.schedule_no) as schedule_no, r.meter_no,
           case when r.aggregation = {AggregationType.MAX} then max(u.quantity)
                when r.aggregation = {AggregationType.MIN} then min(u.quantity)
                else coalesce(sum(u.quantity), 0) end as quantity,
           sum(u.event_count)::bigint as event_count, sum(u.unusable_count)::bigint as unusable_count,
           min(u.first_at) as first_event_at, max(u.last_at) as last_event_at
    from pricings_to_recompute r
    join folded_usage u on u.customer_no = r.customer_no and u.meter_no = r.meter_no
        and (u.pinned_contract_no = 0 or u.pinned_contract_no = r.contract_no)
        and u.first_at >= r.read_from and u.first_at < r.read_until
    where {of_slice} and (u.pinned_contract_no <> 0 or r.ambiguous is null or not u.first_at <@ r.ambiguous)
    group by 1, 2, 3, 4, r.meter_no, r.aggregation
)
select {line_id} as line_id, p.contract_no, p.pricing_no, p.meter_no, p.customer_no, p.period_start_on, p.period_end_on,
       p.period_start, p.period_end, p.group_key, p.quantity, p.event_count, p.unusable_count,
       p.first_event_at, p.last_event_at, false as is_withdrawn
from (placed join periods_to_recompute using (customer_no, schedule_no, period_start)) p);

-- name: fold_lines_without_events
-- Add the current lines that no event counts on any more: empty if their period still exists, else withdrawn.
-- An empty line goes the same way once its pricing has groups in its period; only then do new events take a line away.
-- reads: usage_lines, changed_ranges, recomputed_lines, contract_pricings, billing_periods, rolled_up_meters
insert into recomputed_lines
with current_lines as not materialized (
    select *, group_key = '{}' and event_count = 0 as is_empty
    from usage_lines where replaced_publish_no is null and not is_withdrawn
), lines_in_doubt as (
    select * from current_lines l where is_empty and exists (
        select from changed_ranges c
        where c.customer_no = l.customer_no and l.period_start <= c.to_at and l.period_end > c.from_at
    )
    union all
    select * from current_lines l where not is_empty and exists (
        select from changed_ranges c where c.is_lost
        and c.customer_no = l.customer_no and l.period_start <= c.to_at and l.period_end > c.from_at
    )
)
select v.line_id, v.contract_no, v.pricing_no, v.meter_no, v.customer_no, v.period_start_on, v.period_end_on,
       v.period_start, v.period_end, v.group_key, case when v.is_empty_now then {empty_quantity} end,
       0, 0, null, null, not v.is_empty_now
from (
    select l.line_id, l.contract_no, l.pricing_no, coalesce(p.meter_no, l.meter_no) as meter_no,
           coalesce(p.customer_no, l.customer_no) as customer_no, l.period_start_on, l.period_end_on, l.period_start,
           l.period_end, l.group_key,
           l.group_key = '{}' and p.contract_no is not null and p.period_start <= :clock and not exists (
               select from recomputed_lines f where f.contract_no = l.contract_no and f.pricing_no = l.pricing_no
               and f.period_start_on = l.period_start_on
           ) as is_empty_now
    from lines_in_doubt l
    left join (contract_pricings join billing_periods using (schedule_no)) p
        on (p.contract_no, p.pricing_no, p.period_start, p.period_end)
            = (l.contract_no, l.pricing_no, l.period_start, l.period_end)
    where not exists (select from recomputed_lines f where f.line_id = l.line_id)
) v
left join rolled_up_meters m on m.meter_no = v.meter_no;

-- name: find_changed_lines
-- Find the recomputed lines that differ from the current ones, with the number of their next revision.
-- reads: recomputed_lines, usage_lines
-- leaves: changed_lines
create temporary table changed_lines on commit drop as
select f.*, coalesce(l.revision, 0) + 1 as revision, coalesce(l.is_withdrawn, true) as is_new,
       coalesce(l.event_count, 0) as event_count_before
from recomputed_lines f left join usage_lines l on l.line_id = f.line_id and l.replaced_publish_no is null
where (l.line_id is null and not f.is_withdrawn) or (
    l.line_id is not null
    and (f.quantity, f.event_count, f.unusable_count, f.first_event_at, f.last_event_at, f.period_end,
         f.customer_no, f.meter_no, f.is_withdrawn)
        is distinct from
        (l.quantity, l.event_count, l.unusable_count, l.first_event_at, l.last_event_at, l.period_end,
         l.customer_no, l.meter_no, l.is_withdrawn)
);

-- name: count_first_lines
-- Count the lines that are written first: all are new.
-- reads: recomputed_lines, rolled_up_meters
select count(*) as new, count(*) filter (where {line_status} = {LineStatus.DUE}) as due
from recomputed_lines l left join rolled_up_meters m using (meter_no);

-- name: count_changed_lines
-- Count the lines that change: new, withdrawn and other ones, those that are due, and due ones with events that are withdrawn.
-- reads: changed_lines, rolled_up_meters
select count(*) filter (where is_new) as new, count(*) filter (where not is_new and not is_withdrawn) as changed,
       count(*) filter (where is_withdrawn) as withdrawn, count(*) filter (where {line_status} = {LineStatus.DUE}) as due,
       count(*) filter (where is_withdrawn and event_count_before > 0 and {line_status} = {LineStatus.DUE}) as due_withdrawn
from changed_lines l left join rolled_up_meters m using (meter_no);

-- fragment: all_lines
-- The current lines, and an empty line for every period up to the clock that has none.
with lines as (
    select l.line_id, l.contract_no, l.pricing_no, l.meter_no, l.customer_no, l.period_start_on, l.period_end_on,
           l.period_start, l.period_end, l.group_key, l.quantity, l.event_count, l.unusable_count, l.first_event_at, l.last_event_at,
           l.revision, l.import_id
    from usage_lines l
    where l.replaced_publish_no is null and not l.is_withdrawn
        and (cast(:customer_nos as int[]) is null or l.customer_no = any(:customer_nos))
    union all
    select {line_id}, p.contract_no, p.pricing_no, p.meter_no, p.customer_no, p.period_start_on, p.period_end_on,
           p.period_start, p.period_end, p.group_key, {empty_quantity}, 0, 0, null, null, 0, null
    from (
        select *, '{}' as group_key from contract_pricings join billing_periods using (schedule_no)
        where period_start <= :clock
    ) p join rolled_up_meters m on m.meter_no = p.meter_no
    where not exists (
        select from usage_lines u
        where u.contract_no = p.contract_no and u.pricing_no = p.pricing_no and u.period_start = p.period_start
            and u.replaced_publish_no is null and not u.is_withdrawn
            and (cast(:customer_nos as int[]) is null or u.customer_no = any(:customer_nos))
    )
);

-- fragment: wanted_lines
-- The lines that a filter wants, with all that they name; a value of null does not narrow them.
from lines l
join contracts c using (contract_no) join customers k on k.customer_no = l.customer_no
join pricings g using (pricing_no) join plans s on s.plan_no = g.plan_no
join rolled_up_meters m on m.meter_no = l.meter_no join meters n on n.meter_no = l.meter_no
where (cast(:period as text) is null or to_char(l.period_start_on, 'YYYY-MM') = :period)
    and (cast(:contract as text) is null or {is_contract})
    and (cast(:contract_nos as int[]) is null or l.contract_no = any(:contract_nos))
    and (cast(:meter as text) is null or m.code = :meter);

-- name: find_periods
-- Find the months in which the periods of the wanted lines start: the first, the last, and their number.
-- reads: usage_lines, contract_pricings, billing_periods, rolled_up_meters, contracts, customers, pricings, plans, meters
{all_lines}
select to_char(min(l.period_start_on), 'YYYY-MM') as first, to_char(max(l.period_start_on), 'YYYY-MM') as last
{wanted_lines};

-- name: count_lines
-- Count the wanted lines.
-- reads: usage_lines, contract_pricings, billing_periods, rolled_up_meters, contracts, customers, pricings, plans, meters
{all_lines}
select count(*) as count {wanted_lines};

-- name: measure_quantities
-- Measure the quantities of the wanted lines: the most digits before and after the point.
-- reads: usage_lines, contract_pricings, billing_periods, rolled_up_meters, contracts, customers, pricings, plans, meters
{all_lines}, wanted as (select trim_scale(l.quantity) as quantity {wanted_lines})
select coalesce(max(length(trunc(abs(quantity))::text)), 1) as before, coalesce(max(scale(quantity)), 0) as after from wanted;

-- name: read_lines
-- Read the first of the wanted lines with their status, or all if the limit is null.
-- reads: usage_lines, contract_pricings, billing_periods, rolled_up_meters, contracts, customers, pricings, plans, meters
{all_lines}
select l.line_id::text, c.id as contract_id, k.id as customer_id, k.external_customer_id, s.id as plan_id,
       g.id as pricing_id, n.id as meter_id, m.code as meter_code, m.aggregation, l.group_key as "group",
       l.period_start, l.period_end, case when m.is_supported then trim_scale(l.quantity)::text end as quantity,
       l.event_count, l.unusable_count, l.first_event_at, l.last_event_at, {line_status} as status,
       {LineKind.USAGE} as kind, l.revision, l.import_id, l.period_start_on, l.period_end_on
{wanted_lines}
order by c.id collate "C", g.id collate "C", l.period_start, l.group_key collate "C" limit cast(:limit as bigint);
