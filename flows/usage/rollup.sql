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
-- Count the pairs of event and meter of a layer in which the meter matched the event and could not use it.
-- reads: folded_usage
select coalesce(sum(unusable_count), 0)::bigint from folded_usage where layer = :layer;
