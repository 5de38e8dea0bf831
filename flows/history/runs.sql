-- fragment: status_now
-- The status of an import. One that is loading while no import is at work has been left unfinished.
case when status = {ImportStatus.LOADING} and not :is_at_work then {ImportStatus.UNFINISHED} else status end as status;

-- fragment: import_columns
-- The columns of an import that people and machines read.
import_id, kind, {status_now}, clock, started_at, resumed_at, finished_at, published_at, reason, user_name, host, software, flow_run_id,
lines_changed, failure, sources, ledger

-- name: is_import_at_work
-- Whether a session holds the lock of imports now.
select exists (
    select from pg_locks join pg_database d on d.oid = database
    where locktype = 'advisory' and granted and d.datname = current_database()
    and (classid, objid, objsubid) = (0, :lock, 1)
);

-- name: list_imports
-- List imports and rollups, the latest first.
-- reads: imports
select {import_columns} from imports order by import_id desc;

-- name: first_imports
-- List the latest imports and rollups as a table shows them, each with how many there are.
-- reads: imports, import_files
select import_id, kind, {status_now}, started_at, (ledger -> 'rows')::bigint as rows, (ledger -> 'new')::bigint as new,
       (ledger -> 'rejected')::bigint as rejected, lines_changed, sources -> 'sources' as sources, count(*) over () as total, (
           select count(*) from import_files f where f.import_id = i.import_id and f.set_aside is not null
       ) as set_aside
from imports i order by import_id desc limit cast(:limit as bigint);

-- name: show_import
-- Read one import with its catalog, its mapping and the days of its events.
-- reads: imports, chunks
select {import_columns}, catalog_version, mapping_digest, array(
    select distinct day from chunks c cross join jsonb_array_elements_text(c.counts -> 'days') day
    where c.import_id = i.import_id order by day
) as days
from imports i where import_id = :import_id;

-- name: latest_clock
-- Read the greatest clock of any published import or rollup, null if there is none; catalogs and settings move no clock.
-- reads: imports
select max(clock) from imports
where published_at is not null and kind in ({ImportKind.IMPORT}, {ImportKind.ROLLUP});

-- name: import_seconds
-- Read how many seconds an import was at work; the pause before it was resumed is no part of them.
-- reads: imports
select extract(epoch from worked_before + (finished_at - coalesce(resumed_at, started_at)))::float8 from imports where import_id = :import_id;
