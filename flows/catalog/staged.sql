-- A catalog that waits for the import it was named with.

-- name: digest_changes
-- Compute a hash of all changes that a version of the catalog made.
-- reads: catalog_changes
select encode(sha256(string_agg(sha256(convert_to(to_jsonb(c)::text, 'UTF8')), ''::bytea order by kind, id)), 'hex')
from catalog_changes c where catalog_version = :catalog_version;

-- name: read_rows
-- Read the rows of a table that a version of the catalog wrote.
-- reads: catalog_versions, catalog_changes, customers, meters, plans, contracts
select to_jsonb(t)::text from {table} t where catalog_version = :catalog_version;

-- name: read_pricings
-- Read the pricings of the plans that a version of the catalog wrote.
-- reads: pricings, plans
select to_jsonb(t)::text from pricings t join plans p using (plan_no) where p.catalog_version = :catalog_version;

-- name: read_staged_catalog
-- Read the version that the staged catalog of an import will have, with the hash of its changes and its folder.
-- reads: staged_catalogs
select catalog_version, digest, folder from staged_catalogs where import_id = :import_id;

-- name: write_staged_catalog
-- Register the staged catalog of an import.
-- reads: staged_catalogs
insert into staged_catalogs (import_id, catalog_version, digest, folder)
values (:import_id, :catalog_version, :digest, :folder);

-- name: adopt_staged_catalog
-- Give an import the catalog that was staged for the next one.
-- reads: staged_catalogs
update staged_catalogs set import_id = :import_id where import_id = :next_import;

-- name: adopt_staged_things
-- Give an import the rows that were staged for the next one.
-- reads: staged_things
update staged_things set import_id = :import_id where import_id = :next_import;

-- name: drop_staged_catalog
-- Delete the staged catalog of an import.
-- reads: staged_catalogs
delete from staged_catalogs where import_id = :import_id;

-- name: drop_staged_things
-- Delete the rows of the staged catalog of an import.
-- reads: staged_things
delete from staged_things where import_id = :import_id;

-- name: release_external_ids
-- Take their external ids from customers that the staged catalog gives another one: two may have exchanged theirs.
-- reads: customers, staged_things
update customers c set external_customer_id = null
from staged_things s cross join lateral jsonb_populate_record(null::customers, s."row") t
where s.import_id = :import_id and s.table_name = 'customers' and t.customer_no = c.customer_no
  and c.external_customer_id is distinct from t.external_customer_id;

-- name: publish_rows
-- Write the staged rows of a table into it.
-- reads: staged_things, catalog_versions, catalog_changes, customers, meters, plans, pricings, contracts
insert into {table} ({columns})
select {staged_columns} from staged_things s cross join lateral jsonb_populate_record(null::{table}, s."row") t
where s.import_id = :import_id and s.table_name = :table_name
on conflict ({key}) do update set ({columns}) = row({excluded_columns});
