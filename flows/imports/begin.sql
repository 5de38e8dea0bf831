-- What an import keeps about itself when it begins.

-- name: mark_resumed
-- Mark an import as resumed, and add the time from its last begin to its last chunk to the time that it was at work.
-- reads: imports, chunks
update imports i set resumed_at = clock_timestamp(), worked_before = worked_before + coalesce((
    select max(c.committed_at) - coalesce(i.resumed_at, i.started_at) from chunks c
    where c.import_id = i.import_id and c.committed_at > coalesce(i.resumed_at, i.started_at)
), '0') where import_id = :import_id;
