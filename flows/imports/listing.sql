-- name: last_imports_of_names
-- Find the last import that published a file of each name; standard input is no name.
-- reads: files
select uri, max(published_import_id) from files
where uri = any(:uris) and uri <> '-' and published_import_id is not null group by uri;

-- name: last_import_of_files
-- Find the last import that published one of some files, or that set one aside.
-- reads: files
select coalesce(max(published_import_id), max(set_aside_import_id)) from files where file_id = any(:file_ids);
