-- name: write_version
-- Register a version of the catalog.
-- reads: catalog_versions
insert into catalog_versions (catalog_version, clock, folder, user_name, reason)
values (:catalog_version, :clock, :folder, :user_name, :reason);

-- name: release_external_ids
-- Take their external ids from customers that get another one: two customers may have exchanged theirs.
-- reads: customers, customers_to_write
update customers c set external_customer_id = null from customers_to_write t
where t.id = c.id and c.external_customer_id is distinct from t.external_customer_id;

-- name: release_pruned_external_ids
-- Take their external ids from customers that are about to be pruned: a new customer may have got one of them.
-- reads: customers
update customers set external_customer_id = null where customer_no = any(:numbers);

-- name: write_customers
-- Insert or update customers; new ones are numbered in the order of the folder.
-- reads: customers, customers_to_write
insert into customers (id, external_customer_id, document, catalog_version)
select id, external_customer_id, document, :catalog_version from customers_to_write order by place
on conflict (id) do update set external_customer_id = excluded.external_customer_id,
    document = excluded.document, catalog_version = excluded.catalog_version;

-- name: write_meters
-- Insert or update meters; new ones are numbered in the order of the folder.
-- reads: meters, meters_to_write
insert into meters (id, code, aggregation, is_supported, inactive_at, document, catalog_version)
select id, code, aggregation, is_supported, inactive_at, document, :catalog_version from meters_to_write order by place
on conflict (id) do update set code = excluded.code, aggregation = excluded.aggregation,
    is_supported = excluded.is_supported, inactive_at = excluded.inactive_at,
    document = excluded.document, catalog_version = excluded.catalog_version;

-- name: write_plans
-- Insert or update plans; new ones are numbered in the order of the folder.
-- reads: plans, plans_to_write
insert into plans (id, document, catalog_version)
select id, document, :catalog_version from plans_to_write order by place
on conflict (id) do update set document = excluded.document, catalog_version = excluded.catalog_version;

-- name: write_contracts
-- Insert or update contracts; new ones are numbered in the order of the folder.
-- reads: contracts, contracts_to_write, customers, plans
insert into contracts (id, customer_no, plan_no, start_on, end_on, anchor, document, catalog_version)
select t.id, c.customer_no, p.plan_no, t.start_on, t.end_on, t.anchor, t.document, :catalog_version
from contracts_to_write t join customers c on c.id = t.customer_id join plans p on p.id = t.plan_id
order by t.place
on conflict (id) do update set customer_no = excluded.customer_no, plan_no = excluded.plan_no,
    start_on = excluded.start_on, end_on = excluded.end_on, anchor = excluded.anchor,
    document = excluded.document, catalog_version = excluded.catalog_version;

-- name: read_pricing_ids
-- Read how the pricings of each plan spell their ids.
-- reads: pricings, plans
select p.id, g.id from pricings g join plans p using (plan_no);

-- name: retire_pricings
-- Take meter and interval from pricings that their plan no longer has: lines of the past can still name them.
-- reads: pricings, plans, plans_to_write, pricings_to_write
update pricings g set meter_no = null, "interval" = null, interval_count = null
from plans p join plans_to_write t on t.id = p.id
where g.plan_no = p.plan_no
  and not exists (select from pricings_to_write w where w.plan_id = p.id and w.id = g.id);

-- name: write_pricings
-- Insert or update pricings; new ones are numbered in the order of the folder.
-- reads: pricings, pricings_to_write, plans, meters
insert into pricings (plan_no, id, model, meter_no, "interval", interval_count, document)
select p.plan_no, t.id, t.model, m.meter_no, t."interval", t.interval_count, t.document
from pricings_to_write t join plans p on p.id = t.plan_id left join meters m on m.id = t.meter_id
order by t.place
on conflict (plan_no, id) do update set model = excluded.model, meter_no = excluded.meter_no,
    "interval" = excluded."interval", interval_count = excluded.interval_count, document = excluded.document;

-- name: prune
-- Remove things of one kind.
-- reads: customers, meters, plans, contracts
delete from {things} where {number} = any(:numbers);
