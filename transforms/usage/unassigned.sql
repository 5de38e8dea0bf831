-- Unassigned events: why an event counts on no line.

-- name: group_events
-- Count the events of a layer or of a customer by all that decides why they are unassigned.
-- All events of an interval have the same reason, so they are counted before they are judged. The groups have a table of
-- their own because a plan without its size took minutes.
-- reads: folded_matches, customer_boundaries
-- leaves: event_groups
create temporary table event_groups on commit drop as
select row_number() over () as group_no, m.customer_no, m.pinned_contract_no, m.event_name, m.meters,
       sum(m.event_count) as event_count, min(m.first_at) as first_at, max(m.last_at) as last_at
from folded_matches m left join customer_boundaries e using (customer_no)
where {of_events}
group by m.customer_no, m.pinned_contract_no, m.event_name, m.meters, width_bucket(m.first_at, e.boundaries);

-- fragment: reasoned
-- The groups of events with the first reason that holds; null for events that count on a line of every matching meter.
with ambiguous as (
    select m.group_no, array_agg(a.meter_no) as meters
    from event_groups m join ambiguous_ranges a on a.customer_no = m.customer_no and a.meter_no = any(m.meters)
        and m.first_at >= a.from_at and m.first_at < a.until_at
    where m.pinned_contract_no = 0 group by 1
), owned as (
    select c.contract_no, c.customer_no, v.start_at, v.end_at, array_agg(g.meter_no) as meters
    from rolled_up_contracts c left join contract_coverage v using (contract_no)
    left join rolled_up_pricings g on g.plan_no = c.plan_no
    group by 1, 2, 3, 4
), judged as (
    select m.group_no, a.meters is not null as is_ambiguous, count(o.contract_no) > 0 as is_owned,
           bool_or(m.first_at >= o.start_at and (o.end_at is null or m.first_at < o.end_at)) as is_covered,
           bool_or(m.first_at >= o.start_at and (o.end_at is null or m.first_at < o.end_at) and exists (
               select from unnest(m.meters) wanted where wanted = any(o.meters) and wanted <> all(coalesce(a.meters, '{}'))
           )) as is_counted
    from event_groups m left join ambiguous a using (group_no)
    left join owned o on o.customer_no = m.customer_no
        and (m.pinned_contract_no = 0 or m.pinned_contract_no = o.contract_no)
    group by 1, 2
), reasoned as (
    select m.customer_no, m.event_name, m.event_count, m.first_at, m.last_at,
           case when j.is_counted and j.is_ambiguous then {Unassigned.PARTLY_AMBIGUOUS}
                when j.is_counted then null
                when j.is_ambiguous then {Unassigned.AMBIGUOUS_CONTRACT}
                when not j.is_owned then {Unassigned.NO_CONTRACT}
                when j.is_covered then {Unassigned.NO_METER}
                else {Unassigned.OUTSIDE_CONTRACT} end as reason
    from event_groups m join judged j using (group_no)
);

-- name: count_by_reason
-- Count the events that are on no line by their reason.
-- reads: event_groups, ambiguous_ranges, rolled_up_contracts, contract_coverage, rolled_up_pricings
{reasoned}
select reason, sum(event_count)::bigint as events
from reasoned where reason <> {Unassigned.PARTLY_AMBIGUOUS} group by reason order by reason collate "C";

-- name: count_events
-- Count the events of all groups.
-- reads: event_groups
select coalesce(sum(event_count), 0)::bigint from event_groups;

-- name: list_by_customer
-- List the unassigned and the partly ambiguous events by customer, event name and reason.
-- reads: event_groups, ambiguous_ranges, rolled_up_contracts, contract_coverage, rolled_up_pricings, customers
{reasoned}
select c.id as customer_id, c.external_customer_id, r.event_name, r.reason, sum(r.event_count)::bigint as event_count,
       min(r.first_at) as first_at, max(r.last_at) as last_at
from reasoned r join customers c using (customer_no)
where r.reason is not null and (cast(:reason as text) is null or r.reason = :reason)
group by 1, 2, 3, 4 order by c.id collate "C", r.event_name collate "C", r.reason collate "C";
