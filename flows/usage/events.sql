-- name: list_events
-- List the first events in the order of their instants, of a customer or a name.
-- reads: events, customers, files, contracts
select e.at as timestamp, e.event_name, c.id as customer_id, c.external_customer_id,
       case when e.is_keyless then 'derived-' || replace(e.key::text, '-', '') else e.idempotency_key end as key,
       e.properties::text as properties, k.id as contract_id, e.is_deleted, f.uri, e.row, f.published_import_id as import_id
from events e
join customers c using (customer_no) join files f using (file_id) left join contracts k using (contract_no)
where (cast(:customer as text) is null or e.customer_no in ({customers_named}))
    and (cast(:name as text) is null or e.event_name = :name)
order by e.at, e.file_id, e.row limit :limit;
