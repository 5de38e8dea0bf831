-- name: keep_duplicates
-- Keep every duplicate with its place, in the order of the keys.
-- reads: plain_duplicates, occurrence_outcomes, contested_rows
insert into duplicates (key, row, version_row, file_id, version_file_id, record_version)
select key, row, version_row, file_id, version_file_id, record_version from plain_duplicates
union all
select r.key, r.row, o.version_row, r.file_id, o.version_file_id, r.record_version
from occurrence_outcomes o join contested_rows r on r.file_id = o.file_id and r.row = o.row
where o.outcome = {Outcome.DUPLICATE}
order by 1;

-- name: keep_replaced_events
-- Keep the events that a correction replaces as superseded versions.
-- reads: events, occurrence_outcomes
insert into superseded ({columns}, import_id, standing)
select {event_columns}, :import_id, 'superseded'
from events e join occurrence_outcomes o on o.key::uuid = e.key where o.is_existing and not o.is_current;

-- name: keep_uncounted_rows
-- Keep the arrived versions that do not count: stale ones, and those that a later row of the import corrects.
-- reads: occurrence_outcomes, contested_rows
insert into superseded ({columns}, import_id, standing)
select {row_columns}, :import_id, case o.outcome when {Outcome.STALE} then 'stale' else 'superseded' end
from occurrence_outcomes o join contested_rows r on r.file_id = o.file_id and r.row = o.row
where o.outcome in ({Outcome.NEW}, {Outcome.CORRECTED}, {Outcome.STALE}) and not o.is_existing and not o.is_current;

-- name: list_removed_events
-- List the events that a correction replaces, before they are removed.
-- reads: events, occurrence_outcomes
insert into removed_events
select e.customer_no, e.file_id, e.at
from events e join occurrence_outcomes o on o.key::uuid = e.key where o.is_existing and not o.is_current;

-- name: remove_replaced_events
-- Remove the events that a correction replaces.
-- reads: occurrence_outcomes
delete from events e using occurrence_outcomes o where o.key::uuid = e.key and o.is_existing and not o.is_current;

-- name: has_more_known_rows
-- Return whether the import has more known rows than all duplicates so far take up on disk.
-- By size, because a table that nobody has analyzed has no row count.
-- reads: known_rows, duplicates
select pg_relation_size('known_rows') > pg_relation_size('duplicates');

-- name: is_mostly_known
-- Return whether more than half of the arrived rows are plain duplicates, by the statistics of the tables.
-- This decides which statement is quicker, never the result.
-- reads: known_rows, contested_keys, arrivals
select known.reltuples - contested.reltuples > arrived.reltuples / 2
from pg_class known, pg_class contested, pg_class arrived
where known.oid = 'known_rows'::regclass and contested.oid = 'contested_keys'::regclass
    and arrived.oid = '{arrivals}'::regclass;

-- name: is_adoptable
-- Return whether no event is stored, and the table of events has no grant, setting or dependency that a new one would lack.
-- reads: events, arrivals
select not exists (select from events) and existing.reloptions = array['fillfactor={events_fill}']
    and (existing.relowner, existing.reltablespace, existing.relreplident, existing.relrowsecurity, existing.relacl::text)
        is not distinct from
        (arrived.relowner, arrived.reltablespace, arrived.relreplident, arrived.relrowsecurity, arrived.relacl::text)
    and not exists (
        select from pg_attribute c join pg_attribute a using (attnum)
        where c.attrelid = existing.oid and a.attrelid = arrived.oid
        and (c.attacl::text, c.attstattarget, c.attoptions, c.attstorage, c.attcompression)
            is distinct from (a.attacl::text, a.attstattarget, a.attoptions, a.attstorage, a.attcompression)
    )
    and not exists (
        select from pg_depend where refobjid = existing.oid and deptype in ('n', 'a')
        and objid not in (
            select indexrelid from pg_index join pg_class i on i.oid = indexrelid
            where indrelid = existing.oid and relname in ('events_key', 'events_at')
            union all select oid from pg_constraint where conrelid = existing.oid and contype = 'n'
        )
    )
from pg_class existing, pg_class arrived
where existing.oid = 'events'::regclass and arrived.oid = '{arrivals}'::regclass;

-- name: remove_uncounted_rows
-- Remove the arrived rows of contested keys that do not count.
-- reads: occurrence_outcomes, contested_rows
delete from {arrivals} a using occurrence_outcomes o join contested_rows r on r.file_id = o.file_id and r.row = o.row
where a.ctid = r.arrival_ctid and not o.is_current;

-- name: take_outcome_times
-- Give each correction that omits its timestamp, as the version before it did, the time of that version.
-- reads: occurrence_outcomes, contested_rows
update {arrivals} a set at = o.at from occurrence_outcomes o join contested_rows r on r.file_id = o.file_id and r.row = o.row
where a.ctid = r.arrival_ctid and o.is_current and o.at <> r.at;

-- name: remove_duplicate_rows
-- Remove the arrived rows that are plain duplicates.
-- reads: plain_duplicates
delete from {arrivals} a using plain_duplicates d where a.ctid = d.arrival_ctid;

-- name: copy_other_rows
-- Copy the arrived rows that are no plain duplicates into the table that replaces the staging table.
-- reads: arrivals, plain_duplicates
insert into {arrivals}_rest
select * from {arrivals} a where not exists (select from plain_duplicates d where d.arrival_ctid = a.ctid);

-- name: add_events
-- Add the arrived rows that remain to the events, in the order of the keys: each page of the index on them is sought once.
-- reads: arrivals
insert into events ({columns}) select {columns} from {arrivals} order by key;
