-- name: next_publish_no
-- Return the number of the next publish.
-- reads: imports
select coalesce(max(publish_no), 0) + 1 from imports;

-- name: mark_published
-- Mark an import as published, later than every import before it.
-- reads: imports
update imports set status = {ImportStatus.PUBLISHED}, publish_no = :publish_no, finished_at = clock_timestamp(),
    lines_changed = :lines_changed, catalog_version = :catalog_version,
    published_at = greatest(clock_timestamp(), (select max(published_at) + interval '1 microsecond' from imports))
where import_id = :import_id;
