-- fragment: import_columns
-- The columns that a list of imports shows.
import_id, kind, status, clock, started_at, finished_at, published_at, reason, user_name, host, software, flow_run_id,
lines_changed, failure, sources, ledger

-- name: list_imports
-- List imports and rollups, the latest first.
-- reads: imports
select {import_columns} from imports order by import_id desc;

-- name: show_import
-- Read one import with its catalog, its mapping and the days of its events.
-- reads: imports, chunks
select {import_columns}, catalog_version, mapping_digest, array(
    select distinct day from chunks c cross join jsonb_array_elements_text(c.counts -> 'days') day
    where c.import_id = i.import_id order by day
) as days
from imports i where import_id = :import_id;

-- name: latest_clock
-- Read the greatest clock of any published import or rollup, null if nothing has been published.
-- reads: imports
select max(clock) from imports where published_at is not null;

-- name: import_seconds
-- Read how many seconds an import took from start to end.
-- reads: imports
select extract(epoch from finished_at - started_at)::float8 from imports where import_id = :import_id;
