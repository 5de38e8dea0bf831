-- Files that are left out of their import.

-- name: note_reason
-- Note why a file is left out of an import.
-- reads: import_files
update import_files set set_aside = :reason where import_id = :import_id and file_id = :file_id;

-- name: forget_reason
-- Take a file that was left out of an import into it again.
-- reads: import_files
update import_files set set_aside = null
where import_id = :import_id and file_id = :file_id and set_aside is not null;

-- name: forget_rejections
-- Delete the rejections of one file of an import.
-- reads: rejections
delete from rejections where import_id = :import_id and file_id = :file_id;

-- name: forget_chunks
-- Delete the checkpoints of one file of an import.
-- reads: chunks
delete from chunks where import_id = :import_id and file_id = :file_id;

-- name: forget_rows
-- Delete the loaded rows of one file.
-- reads: arrivals
delete from {staged} where file_id = :file_id;

-- name: read_reasons
-- Read why files are left out of an import.
-- reads: import_files
select file_id, set_aside from import_files where import_id = :import_id and set_aside is not null;
