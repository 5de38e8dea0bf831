-- The basis that the lines were last made from.

-- name: read_state
-- Read the zone, the meters and the catalog that the lines were last made from.
-- reads: rollup_state
select billing_time_zone, meters_digest, catalog_version from rollup_state;

-- name: write_state
-- Write the zone, the meters and the catalog that the lines are made from.
-- reads: rollup_state
insert into rollup_state (billing_time_zone, meters_digest, catalog_version)
values (:billing_time_zone, :meters_digest, :catalog_version)
on conflict (is_only_row) do update set billing_time_zone = excluded.billing_time_zone,
    meters_digest = excluded.meters_digest, catalog_version = excluded.catalog_version;

-- name: find_customers_to_recompute
-- Find the customers whose contracts, or their pricings, are not those that the lines were last made from.
-- reads: contracts, plans, pricings, rolled_up_contracts, rolled_up_pricings
-- leaves: customers_to_recompute
create temporary table customers_to_recompute on commit drop as
with now_contracts as (
    select contract_no, c.id, customer_no, plan_no, p.id as plan_id, start_on, end_on, anchor
    from contracts c join plans p using (plan_no)
), now_pricings as (
    select pricing_no, id, plan_no, meter_no, "interval", interval_count from pricings where meter_no is not null
), changed_contracts as (
    (select * from now_contracts except select * from rolled_up_contracts)
    union all (select * from rolled_up_contracts except select * from now_contracts)
), changed_plans as (
    select plan_no from (select * from now_pricings except select * from rolled_up_pricings) added
    union select plan_no from (select * from rolled_up_pricings except select * from now_pricings) gone
)
select customer_no from changed_contracts
union select customer_no from now_contracts join changed_plans using (plan_no)
union select customer_no from rolled_up_contracts join changed_plans using (plan_no);

-- name: copy_contracts
-- Copy the contracts that the lines are made from.
-- reads: contracts, plans
insert into rolled_up_contracts
select contract_no, c.id, customer_no, plan_no, p.id as plan_id, start_on, end_on, anchor
from contracts c join plans p using (plan_no);

-- name: copy_pricings
-- Copy the usage pricings that the lines are made from.
-- reads: pricings
insert into rolled_up_pricings
select pricing_no, id, plan_no, meter_no, "interval", interval_count from pricings where meter_no is not null;

-- name: copy_meters
-- Copy the meters that the lines are made from.
-- reads: meters
insert into rolled_up_meters select meter_no, code, aggregation, is_supported from meters;

-- name: read_contracts
-- Read the contracts that the lines were last made from, of all customers or of some.
-- reads: rolled_up_contracts
select contract_no, customer_no, plan_no, start_on, end_on, anchor from rolled_up_contracts
where cast(:customer_nos as int[]) is null or customer_no = any(:customer_nos) order by contract_no;

-- name: read_pricings
-- Read the usage pricings that the lines were last made from.
-- reads: rolled_up_pricings
select pricing_no, plan_no, meter_no, "interval", interval_count from rolled_up_pricings order by pricing_no;
