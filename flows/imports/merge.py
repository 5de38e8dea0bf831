"""Move the rows that count into ``events``, and keep the versions and duplicates that do not."""

from contextlib import nullcontext
from typing import Final

from sqlalchemy import Connection, Table, text
from sqlalchemy.schema import SetTableComment

from flows.database.exclusive import empty, try_lock_exclusive, unindexed
from flows.imports.statement_names import execute_all, statement_names
from schemas.tables.events import arrivals, duplicates, events

KEEP_DUPLICATE_TELLINGS: Final = """
    insert into duplicates (key, row, version_row, file_id, version_file_id, record_version)
    select key, row, version_row, file_id, version_file_id, record_version from plain_duplicates
    union all
    select a.key, a.row, s.version_row, a.file_id, s.version_file_id, a.record_version
    from settled s join contested a on a.file_id = s.file_id and a.row = s.row
    where s.outcome = 'duplicate'
    order by 1
"""

KEEP_REPLACED: Final = """
    insert into superseded ({columns}, import_id, standing)
    select {e_columns}, :import_id, 'superseded'
    from events e join settled s on s.key::uuid = e.key where s.is_existing and not s.is_current
"""

KEEP_UNCOUNTED: Final = """
    insert into superseded ({columns}, import_id, standing)
    select {a_columns}, :import_id, case s.outcome when 'stale' then 'stale' else 'superseded' end
    from settled s join contested a on a.file_id = s.file_id and a.row = s.row
    where s.outcome in ('new', 'corrected', 'stale') and not s.is_existing and not s.is_current
"""

TOUCH_REPLACED: Final = """
    create temporary table touched on commit drop as
    select e.customer_no, e.file_id, e.at from events e join settled s on s.key::uuid = e.key where s.is_existing and not s.is_current
"""

REMOVE_REPLACED: Final = """
    delete from events e using settled s where s.key::uuid = e.key and s.is_existing and not s.is_current
"""

IS_ADOPTABLE: Final = """
    select not exists (select from events) and held.reloptions = array['fillfactor={events_fill}']
        and (held.relowner, held.reltablespace, held.relreplident, held.relrowsecurity, held.relacl::text)
            is not distinct from
            (staged.relowner, staged.reltablespace, staged.relreplident, staged.relrowsecurity, staged.relacl::text)
        and not exists (
            select from pg_attribute h join pg_attribute s using (attnum)
            where h.attrelid = held.oid and s.attrelid = staged.oid
            and (h.attacl::text, h.attstattarget, h.attoptions, h.attstorage, h.attcompression)
                is distinct from (s.attacl::text, s.attstattarget, s.attoptions, s.attstorage, s.attcompression)
        )
        and not exists (
            select from pg_depend where refobjid = held.oid and deptype in ('n', 'a')
            and objid not in (
                select indexrelid from pg_index join pg_class i on i.oid = indexrelid
                where indrelid = held.oid and relname in ('events_key', 'events_at')
                union all select oid from pg_constraint where conrelid = held.oid and contype = 'n'
            )
        )
    from pg_class held, pg_class staged
    where held.oid = 'events'::regclass and staged.oid = '{arrivals}'::regclass
"""
"""No event is held yet, and nobody has granted, set or built anything on the table that a new one would not have."""

TAKE_SETTLED_AT: Final = """
    update {arrivals} a set at = s.at from settled s join contested c on c.file_id = s.file_id and c.row = s.row
    where a.ctid = c.found_at and s.is_current and s.at <> c.at
"""

REMOVE_UNCOUNTED: Final = """
    delete from {arrivals} a using settled s join contested c on c.file_id = s.file_id and c.row = s.row
    where a.ctid = c.found_at and not s.is_current
"""

IS_MANY_TOLD: Final = "select pg_relation_size('held_keys') > pg_relation_size('duplicates')"
"""More duplicates than there have ever been: their index is made anew in half of the time that they take to grow it.

By size, which is always known: nobody may have counted the rows of a table yet.
"""

REMOVE_DUPLICATES: Final = "delete from {arrivals} a using plain_duplicates d where a.ctid = d.found_at"

KEEP_REST: Final = (
    "create table {arrivals}_rest (like {arrivals})",
    "insert into {arrivals}_rest select * from {arrivals} a where not exists (select from plain_duplicates d where d.found_at = a.ctid)",
    "drop table {arrivals}",
    "alter table {arrivals}_rest rename to {arrivals}",
)
"""The same where most are duplicates: to delete a million rows takes a second."""

IS_MOSTLY_KNOWN: Final = """
    select held.reltuples - contested.reltuples > staged.reltuples / 2 from pg_class held, pg_class contested, pg_class staged
    where held.oid = 'held_keys'::regclass and contested.oid = 'contested_keys'::regclass
        and staged.oid = '{arrivals}'::regclass
"""
"""By the statistics that settling took: it decides what is quicker, never what comes of it."""

ADOPT: Final = (
    "drop table events",
    "alter table {arrivals} rename to events",
    "alter table events reset (autovacuum_enabled)",
    "alter table events set (fillfactor = {events_fill})",
)

ADD: Final = "insert into events ({columns}) select {columns} from {arrivals} order by key"
"""In the order of the keys: each page of the index on them is then sought once."""


def touch(connection: Connection) -> None:
    """Note where :func:`merge` will take events away, before it does.

    Leaves a temporary table ``touched`` (customer_no, file_id, at).
    """
    connection.execute(text(TOUCH_REPLACED))


def merge(connection: Connection, *, import_id: int, is_any_current: bool) -> Table:
    """Move what counts into ``events`` and keep the rest of what was told; reads what :func:`settle` decided.

    is_any_current: whether any row is new or corrects, as the ledger says.
    Returns the table that holds exactly the events that count from now on.
    """
    names = statement_names(import_id)
    staged = arrivals(import_id)
    with unindexed(connection, duplicates) if connection.scalar(text(IS_MANY_TOLD)) else nullcontext():
        execute_all(connection, names, KEEP_DUPLICATE_TELLINGS)
    execute_all(connection, names, KEEP_REPLACED, KEEP_UNCOUNTED, import_id=import_id)
    if not is_any_current:
        empty(connection, staged)
        return staged
    is_own = try_lock_exclusive(connection, staged)
    is_adoptable = connection.scalar(text(IS_ADOPTABLE.format(**names)))
    is_mostly_known = connection.scalar(text(IS_MOSTLY_KNOWN.format(**names)))
    execute_all(connection, names, REMOVE_UNCOUNTED, TAKE_SETTLED_AT)
    execute_all(connection, names, *(KEEP_REST if is_own and is_mostly_known else (REMOVE_DUPLICATES,)))
    if is_own and is_adoptable and try_lock_exclusive(connection, events):
        _adopt(connection, names)
        return events
    execute_all(connection, names, REMOVE_REPLACED, ADD)
    return staged


def _adopt(connection: Connection, names: dict[str, str]) -> None:
    """Let the staging table become ``events``, where copying a million rows costs 2 s, and indexes grown row by row 8 more."""
    execute_all(connection, names, *ADOPT)
    connection.execute(SetTableComment(events))
    for index in events.indexes:
        index.create(connection)
