-- name: count_loaded
-- Count the rows that the chunks of an import loaded, by file, with the counts of each chunk in their order.
-- reads: chunks
select file_id, sum(rows)::bigint as rows, sum(rejected)::bigint as rejected, sum(keyless)::bigint as keyless,
       jsonb_agg(counts order by last_row) as counts
from chunks where import_id = :import_id group by file_id;
