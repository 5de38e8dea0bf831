-- The layers of folded usage, and the working table of the ranges that are folded anew.

-- name: join_base_layer
-- Put all files into the base layer.
-- reads: files
update files set layer = :base_layer where layer <> :base_layer;

-- name: join_layer
-- Put the files of an import into a layer of their own.
-- reads: files
update files set layer = :layer where file_id = any(:file_ids);

-- name: has_base_layer
-- Whether any file is in the base layer.
-- reads: files
select exists (select from files where layer = :base_layer);

-- name: count_pages
-- Count the pages of a table.
select pg_relation_size(cast(:name as regclass)) / current_setting('block_size')::int;

-- name: has_ranges_to_refold
-- Whether anything of older layers is folded anew.
-- reads: ranges_to_refold
select exists (select from ranges_to_refold);

-- name: has_unbounded_ranges
-- Whether all of a customer's time is folded anew.
-- reads: ranges_to_refold
select exists (select from ranges_to_refold where not (isfinite(from_at) and isfinite(until_at)));

-- name: read_ranges_to_refold
-- Read the bounded ranges that are folded anew.
-- reads: ranges_to_refold
select distinct from_at, until_at from ranges_to_refold where isfinite(from_at) and isfinite(until_at);

-- name: count_unusable
-- Count the events of a layer that each meter matched, and those of them that it could not use, with the property that it reads.
-- reads: folded_usage, meters
select m.code, m.document ->> 'aggregationKey' as property, sum(u.event_count)::bigint as events,
       sum(u.unusable_count)::bigint as unusable
from folded_usage u join meters m using (meter_no) where u.layer = :layer
group by m.meter_no having sum(u.unusable_count) > 0 order by m.code collate "C";
