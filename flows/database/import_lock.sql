-- name: holding_session
-- The process of this session in Postgres and the instant of its begin: together no other session ever has them.
select pid, backend_start from pg_stat_activity where pid = pg_backend_pid();

-- name: is_held_by
-- Whether a session lives and holds a lock.
select exists (
    select from pg_locks
    join pg_database d on d.oid = database
    join pg_stat_activity a using (pid)
    where locktype = 'advisory' and granted and d.datname = current_database()
    and (classid, objid, objsubid) = (0, :lock, 1)
    and pid = :pid and a.backend_start = :since
);
