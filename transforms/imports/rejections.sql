-- name: close_reread_rejections
-- Close the open rejections of earlier imports in the files that this import reads again.
-- reads: import_files, rejections
update rejections r set closed_import_id = :import_id
from import_files f
where f.import_id = :import_id and r.file_id = f.file_id and r.import_id < :import_id and r.closed_import_id is null;

-- name: mark_repeated_rejections
-- Mark each rejection of the import that repeats an open one: equal in bytes and code. It names the first of them.
-- reads: rejections
update rejections r
set repeats_import_id = first.import_id, repeats_file_id = first.file_id, repeats_row = first.row
from (
    select distinct on (raw_sha256, raw_length, code) raw_sha256, raw_length, code, import_id, file_id, row
    from rejections
    where closed_import_id is null and repeats_import_id is null
        and raw_sha256 in (select raw_sha256 from rejections where import_id = :import_id)
    order by raw_sha256, raw_length, code, import_id, file_id, row
) first
where r.import_id = :import_id and r.raw_sha256 = first.raw_sha256 and r.raw_length = first.raw_length
    and r.code = first.code and (r.import_id, r.file_id, r.row) <> (first.import_id, first.file_id, first.row);
