-- The times of contracts as a publish or an answer lays them out, and the boundaries that are kept of them.

-- name: list_contract_pricings
-- List the usage pricings of each contract, each with the beginning of the ids of its lines.
-- reads: contract_schedules, rolled_up_contracts, rolled_up_pricings
-- leaves: contract_pricings
create temporary table contract_pricings on commit drop as
select s.contract_no, s.customer_no, s.schedule_no, g.pricing_no, g.meter_no,
       rtrim(json_build_array(c.id, c.plan_id, g.id)::text, ']') as id_head
from contract_schedules s join rolled_up_contracts c using (contract_no)
join rolled_up_pricings g on (g.plan_no, g."interval", g.interval_count) = (c.plan_no, s."interval", s.interval_count);

-- name: write_boundaries
-- Write where the contracts and periods of each customer begin and end, in order.
-- reads: contract_schedules, billing_periods, contract_coverage
insert into customer_boundaries
select customer_no, array_agg(distinct boundary order by boundary) from (
    select customer_no, unnest(array[period_start, period_end]) as boundary
    from contract_schedules join billing_periods using (schedule_no)
    union all select customer_no, unnest(array_remove(array[start_at, end_at], null)) from contract_coverage
) boundaries group by customer_no
on conflict (customer_no) do update set boundaries = excluded.boundaries
where customer_boundaries.boundaries is distinct from excluded.boundaries;

-- name: delete_boundaries
-- Delete the boundaries of customers without a contract.
-- reads: contract_coverage
delete from customer_boundaries where customer_no not in (select customer_no from contract_coverage);
