-- name: current_version
-- Read the version of the catalog, 0 if none has been loaded.
-- reads: catalog_versions
select coalesce(max(catalog_version), 0) from catalog_versions;

-- name: read_customers
-- Read the customers with their ids, in the order of their numbers, as the catalog of an import will have them.
-- reads: customers, staged_things
with staged as (
    select t.* from staged_things s cross join lateral jsonb_populate_record(null::customers, s."row") t
    where s.import_id = :import_id and s.table_name = 'customers'
)
select customer_no, id, external_customer_id from customers c
where not exists (select from staged t where t.customer_no = c.customer_no)
union all select customer_no, id, external_customer_id from staged order by customer_no;

-- name: read_contracts
-- Read the contracts with their ids and customers, in the order of their numbers, as the catalog of an import will have them.
-- reads: contracts, staged_things
with staged as (
    select t.* from staged_things s cross join lateral jsonb_populate_record(null::contracts, s."row") t
    where s.import_id = :import_id and s.table_name = 'contracts'
)
select contract_no, id, customer_no from contracts c
where not exists (select from staged t where t.contract_no = c.contract_no)
union all select contract_no, id, customer_no from staged order by contract_no;

-- name: existing_customers
-- Read the customers with their ids, in the order of their numbers.
-- reads: customers
select customer_no, id, external_customer_id from customers order by customer_no;

-- name: read_meters
-- Read the meters with their documents, in the order of their numbers.
-- reads: meters
select meter_no, inactive_at, document::text from meters order by meter_no;

-- name: existing_meters
-- Read the meters with their ids, in the order of their numbers.
-- reads: meters
select meter_no, id from meters order by meter_no;

-- name: existing_plans
-- Read the plans, each with the ids of the meters that its pricings name.
-- reads: plans, pricings, meters
select p.plan_no, p.id, array_remove(array_agg(m.id order by g.pricing_no), null)
from plans p left join pricings g using (plan_no) left join meters m using (meter_no)
group by p.plan_no order by p.plan_no;

-- name: existing_contracts
-- Read the contracts, each with the ids of its customer and its plan.
-- reads: contracts, customers, plans
select t.contract_no, t.id, c.id, p.id
from contracts t join customers c using (customer_no) join plans p using (plan_no)
order by t.contract_no;

-- name: existing_documents
-- Read the documents of one kind of thing.
-- reads: customers, meters, plans, contracts
select id, document::text from {things};

-- name: waiting_events
-- Find the tables of the events that an import has read and not yet published.
select tablename from pg_tables where schemaname = current_schema() and tablename ~ '^arrivals_[0-9]+$';
