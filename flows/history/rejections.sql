-- name: list_rejections
-- List the rejections of an import that repeat no other one, each with how many repeat it, by file and row.
-- reads: rejections, import_files
select r.import_id, f.uri, r.file_id, r.row, r.line, r.byte_offset, r.code, r.message, r.field, r.value, r.raw,
       r.raw_length, encode(r.raw_sha256, 'hex') as raw_sha256, (
           select count(*) from rejections again
           where again.raw_sha256 = r.raw_sha256 and again.repeats_import_id = r.import_id
             and again.repeats_file_id = r.file_id and again.repeats_row = r.row
       ) as repeats
from rejections r join import_files f using (import_id, file_id)
where r.import_id = :import_id and r.repeats_import_id is null
order by r.file_id, r.row;

-- name: count_repeats
-- Count the rejections of an import that repeat an open one, by the import that lists it.
-- reads: rejections
select repeats_import_id as import_id, count(*) as rows from rejections
where import_id = :import_id and repeats_import_id is not null group by 1 order by 1;

-- name: group_rejections
-- Group the rejections of an import by cause, the most frequent first, each with its first three places.
-- A cause is a message without its numbers and without all that it quotes, which may hold quotes itself.
-- reads: rejections
with grouped as (
    select code, regexp_replace(message, '".*"|[0-9][0-9,.]*', '…', 'g') as cause, count(*) as rows,
           (array_agg(file_id order by file_id, row))[1:3] as file_ids,
           (array_agg(row order by file_id, row))[1:3] as example_rows,
           (array_agg(message order by file_id, row))[1] as first_message
    from rejections where import_id = :import_id group by 1, 2
)
select rows, code, first_message, file_ids, example_rows from grouped order by rows desc, code collate "C", cause collate "C";

-- name: read_uris
-- Read the addresses of an import's files.
-- reads: import_files
select file_id, uri from import_files where import_id = :import_id;
