"""Settling: after the last chunk, every row of an import gets its outcome by its place, and the ledger is written.

The many, whose key is new, told again unchanged or told twice, are decided in SQL; the few contested keys that remain are
read one telling after another by ``transforms.outcomes``. :func:`settle` writes to temporary tables alone; :func:`merge`
then moves what counts into ``events``. Both run inside the transaction that publishes.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Dialect, RowMapping, Table, literal_column, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SetTableComment

from flows.copying import copy_frame
from flows.filling import empty, is_free, unindexed
from schemas.ledger import FileLedger, Outcome
from schemas.rejections import RejectionCode
from schemas.tables import EVENT_COLUMNS, EVENTS_FILL, arrival_bytes, arrivals, events, tellings
from transforms.identify import ordinal_key
from transforms.outcomes import settle_contested
from transforms.sift import bounded_counts

POSTGRES: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]
CONTESTED_BATCH: Final = 10_000
"""Tellings of contested keys fetched at a time."""

PARALLEL_TUPLE_COST: Final = 0.01
"""Of a tuple from a worker; at the default of 0.1 a million known keys were sought by one process in twice the time."""

SAME_CONTENT: Final = """
    a.customer_no = e.customer_no and a.event_name = e.event_name and a.is_deleted = e.is_deleted
    and a.is_timestamp_omitted = e.is_timestamp_omitted and (a.is_timestamp_omitted or a.at = e.at)
    and a.contract_no is not distinct from e.contract_no and a.properties = e.properties
"""
"""Same resolved customer, name, instant (or omitted), contract and properties as JSON values (``DOMAIN`` of events)."""

CONTENT_ORDER: Final = """
    customer_no, event_name, is_deleted, is_timestamp_omitted, case when not is_timestamp_omitted then at end,
    contract_no, properties
"""
"""Tellings of a key that are equal in all of these have the same content."""

NUMBER_REPEATED_KEYLESS: Final = """
    update {arrivals} a set key = {ordinal_key}
    from (
        select file_id, row, row_number() over (partition by file_id, key order by row) as ordinal
        from {arrivals}
        where is_keyless and (file_id, key) in (
            select file_id, key from {arrivals} where is_keyless group by file_id, key having count(*) > 1
        )
    ) numbered
    where a.file_id = numbered.file_id and a.row = numbered.row and numbered.ordinal > 1
"""

FIND_REPEATED_KEYS: Final = """
    create temporary table repeated_keys on commit drop as
    select key from (select key from {arrivals} order by key) sorted group by key having count(*) > 1
"""
"""Sorted before they are grouped: a hash of 5 million keys spills, and took twice as long."""

FIND_HELD_KEYS: Final = """
    create temporary table held_keys on commit drop as
    select a.ctid as found_at, a.key, a.file_id, a.row, a.is_keyless, a.source_version,
           e.file_id as version_file_id, e.row as version_row, ({same_content}) as is_same
    from {arrivals} a join events e using (key)
"""

FIND_CONTESTED_KEYS: Final = """
    create unlogged table scratch_contested_keys as
    select key from repeated_keys union select key from held_keys where not is_same
"""

KEEP_CONTESTED: Final = """
    create temporary table contested on commit drop as
    select *, ctid as found_at from {arrivals} where key in (select key from scratch_contested_keys)
"""
"""The keys are in no temporary table yet, so that several processes look for them: of 5 million rows in half of 1.4 s."""

KEEP_CONTESTED_KEYS: Final = (
    "create temporary table contested_keys on commit drop as select key from scratch_contested_keys",
    "drop table scratch_contested_keys",
)

VIEW_PLAIN_DUPLICATES: Final = """
    create temporary view plain_duplicates as
    select * from held_keys h where not exists (select from contested_keys c where c.key = h.key)
"""
"""Told once by this import, with the content that is held; goes with the table below it."""

CREATE_TOLD: Final = """
    create temporary table told on commit drop as
    with told as (
        select key, file_id, row, false as is_held, file_id as place_file_id, row as place_row, source_version,
               customer_no, event_name, is_deleted, is_timestamp_omitted, at, contract_no, properties
        from contested
        union all
        select e.key, e.file_id, e.row, true,
               (greatest(array[e.file_id, e.row], latest.place))[1]::int, (greatest(array[e.file_id, e.row], latest.place))[2],
               greatest(e.source_version::numeric, latest.source_version)::text,
               e.customer_no, e.event_name, e.is_deleted, e.is_timestamp_omitted, e.at, e.contract_no, e.properties
        from events e cross join lateral (
            select max(array[t.file_id, t.row]) as place, max(t.source_version::numeric) as source_version
            from tellings t where t.key = e.key and t.version_file_id = e.file_id and t.version_row = e.row
        ) latest
        where e.key in (select key from contested_keys)
    )
    select key::text, file_id, row, is_held, place_file_id, place_row, source_version, at, is_timestamp_omitted,
           dense_rank() over (partition by key order by {content_order}) as content,
           row_number() over (partition by key order by is_held desc, place_file_id, place_row) as nth,
           count(*) over of_key = 2 and min(source_version::numeric) over of_key
               is not distinct from max(source_version::numeric) over of_key as is_pair
    from told window of_key as (partition by key)
"""
"""One row per telling of a contested key, what is held first; a pair is two whose order the source does not tell itself."""

READ_CONTESTED: Final = "select * from told where not is_pair order by key, nth"

SETTLE_PAIRS: Final = """
    insert into settled
    with pairs as (
        select one.key, one.file_id, one.row, one.is_held, one.at, other.file_id as other_file_id, other.row as other_row,
               case when other.content = one.content then 'duplicate'
                    when :is_conflict_rejected then 'rejected'
                    when (other.place_file_id, other.place_row) > (one.place_file_id, one.place_row) then 'corrected'
                    else 'stale' end as outcome,
               other.at as other_at, one.is_timestamp_omitted and other.is_timestamp_omitted as is_omitted
        from told one join told other using (key)
        where one.is_pair and one.nth = 1 and other.nth = 2
    )
    select key, file_id, row, is_held, case when not is_held then 'new' end, outcome <> 'corrected', file_id, row, at, false
    from pairs
    union all
    select key, other_file_id, other_row, false, outcome, outcome = 'corrected',
           case outcome when 'duplicate' then file_id else other_file_id end,
           case outcome when 'duplicate' then row else other_row end,
           case when outcome = 'duplicate' or (is_omitted and outcome <> 'rejected') then at else other_at end,
           outcome = 'corrected' and file_id = other_file_id
    from pairs
"""
"""What ``settle_contested`` makes of two tellings; over 75,000 keys of 5 million rows it took 2 s, and this a tenth."""

CREATE_SETTLED: Final = """
    create temporary table settled (
        key text, file_id int, row bigint, is_held boolean, outcome text, is_current boolean,
        version_file_id int, version_row bigint, at timestamptz, corrects_own_file boolean
    ) on commit drop
"""

COUNT_OUTCOMES: Final = """
    select a.file_id, s.outcome, a.is_keyless, s.corrects_own_file, count(*) as rows
    from settled s join contested a on a.file_id = s.file_id and a.row = s.row
    where not s.is_held group by 1, 2, 3, 4
    union all
    select file_id, 'duplicate', is_keyless, false, count(*) from plain_duplicates group by 1, 2, 3, 4
"""

COUNT_LOADED: Final = """
    select file_id, sum(rows)::bigint as rows, sum(rejected)::bigint as rejected, sum(keyless)::bigint as keyless,
           jsonb_agg(counts order by last_row) as counts
    from chunks where import_id = :import_id group by file_id
"""

REJECT_CONFLICTS: Final = """
    insert into rejections
        (import_id, file_id, row, line, byte_offset, code, message, field, value, raw, raw_length, raw_sha256)
    select :import_id, a.file_id, a.row, b.line, b.byte_offset, :code, :message, 'idempotencyKey',
           left(a.idempotency_key, 200), b.raw, b.raw_length, b.raw_sha256
    from settled s
    join contested a on a.file_id = s.file_id and a.row = s.row
    join {arrival_bytes} b on b.file_id = s.file_id and b.row = s.row
    where s.outcome = 'rejected'
"""

CLOSE_REREAD: Final = """
    update rejections r set closed_import_id = :import_id
    from import_files f
    where f.import_id = :import_id and r.file_id = f.file_id and r.import_id < :import_id and r.closed_import_id is null
"""

NOTE_REPEATS: Final = """
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
        and r.code = first.code and (r.import_id, r.file_id, r.row) <> (first.import_id, first.file_id, first.row)
"""

KEEP_DUPLICATE_TELLINGS: Final = """
    insert into tellings (key, row, version_row, file_id, version_file_id, source_version)
    select key, row, version_row, file_id, version_file_id, source_version from plain_duplicates
    union all
    select a.key, a.row, s.version_row, a.file_id, s.version_file_id, a.source_version
    from settled s join contested a on a.file_id = s.file_id and a.row = s.row
    where s.outcome = 'duplicate'
    order by 1
"""

KEEP_REPLACED: Final = """
    insert into superseded ({columns}, import_id, standing)
    select {e_columns}, :import_id, 'superseded'
    from events e join settled s on s.key::uuid = e.key where s.is_held and not s.is_current
"""

KEEP_UNCOUNTED: Final = """
    insert into superseded ({columns}, import_id, standing)
    select {a_columns}, :import_id, case s.outcome when 'stale' then 'stale' else 'superseded' end
    from settled s join contested a on a.file_id = s.file_id and a.row = s.row
    where s.outcome in ('new', 'corrected', 'stale') and not s.is_held and not s.is_current
"""

TOUCH_REPLACED: Final = """
    create temporary table touched on commit drop as
    select e.customer_no, e.file_id, e.at from events e join settled s on s.key::uuid = e.key where s.is_held and not s.is_current
"""

REMOVE_REPLACED: Final = """
    delete from events e using settled s where s.key::uuid = e.key and s.is_held and not s.is_current
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

IS_MANY_TOLD: Final = "select pg_relation_size('held_keys') > pg_relation_size('tellings')"
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


@dataclass(frozen=True)
class Settlement:
    """The ledger of each file of an import, and how many rows of each corrected another row of the same file."""

    files: dict[int, FileLedger]
    own_corrections: dict[int, int]


def settle(connection: Connection, *, import_id: int, is_conflict_rejected: bool) -> Settlement:
    """Decide the outcome of every row of an import.

    Writes to temporary tables that end with the transaction, which :func:`merge` reads.
    """
    names = _names(import_id)
    loaded = connection.execute(text(COUNT_LOADED), {"import_id": import_id}).mappings().all()
    if any(file["keyless"] for file in loaded):
        connection.execute(text(NUMBER_REPEATED_KEYLESS.format(**names)))
    connection.execute(text("analyze {arrivals} (key, file_id, row)".format(**names)))
    connection.execute(text(f"set local parallel_tuple_cost = {PARALLEL_TUPLE_COST}"))
    for statement in (
        FIND_REPEATED_KEYS,
        FIND_HELD_KEYS,
        FIND_CONTESTED_KEYS,
        KEEP_CONTESTED,
        *KEEP_CONTESTED_KEYS,
        VIEW_PLAIN_DUPLICATES,
        CREATE_SETTLED,
    ):
        connection.execute(text(statement.format(**names)))
    connection.execute(text("set local parallel_tuple_cost to default"))
    for decided in ("held_keys", "contested_keys", "contested"):
        connection.execute(text(f"analyze {decided}"))
    settle_told(connection, is_conflict_rejected=is_conflict_rejected)
    connection.execute(text("analyze settled"))
    outcomes = connection.execute(text(COUNT_OUTCOMES.format(**names))).mappings().all()
    return _settlement(loaded, outcomes)


def settle_told(connection: Connection, *, is_conflict_rejected: bool) -> None:
    """Fill ``settled`` from the tables ``contested`` and ``contested_keys`` and what is held of those keys.

    Leaves a temporary table ``told``.
    """
    connection.execute(text(CREATE_TOLD.format(content_order=CONTENT_ORDER)))
    connection.execute(text("analyze told"))
    connection.execute(text(SETTLE_PAIRS), {"is_conflict_rejected": is_conflict_rejected})
    for batch in _contested(connection):
        copy_frame(connection, "settled", settle_contested(batch, is_conflict_rejected=is_conflict_rejected))


def reject_conflicts(connection: Connection, *, import_id: int) -> None:
    """Write the rejections of rows whose key is taken by another event; reads what :func:`settle` decided."""
    code = RejectionCode.CONFLICT
    connection.execute(
        text(REJECT_CONFLICTS.format(**_names(import_id))),
        {"import_id": import_id, "code": code.value, "message": code.sentence},
    )


def note_repeats(connection: Connection, *, import_id: int) -> None:
    """Note which rejections repeat an open one: equal in bytes and code; those of a file that was read again are closed."""
    connection.execute(text("analyze rejections"))
    for statement in (CLOSE_REREAD, NOTE_REPEATS):
        connection.execute(text(statement), {"import_id": import_id})


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
    names = _names(import_id)
    staged = arrivals(import_id)
    with unindexed(connection, tellings) if connection.scalar(text(IS_MANY_TOLD)) else nullcontext():
        _execute(connection, names, KEEP_DUPLICATE_TELLINGS)
    _execute(connection, names, KEEP_REPLACED, KEEP_UNCOUNTED, import_id=import_id)
    if not is_any_current:
        empty(connection, staged)
        return staged
    is_own = is_free(connection, staged)
    is_adoptable = connection.scalar(text(IS_ADOPTABLE.format(**names)))
    is_mostly_known = connection.scalar(text(IS_MOSTLY_KNOWN.format(**names)))
    _execute(connection, names, REMOVE_UNCOUNTED, TAKE_SETTLED_AT)
    _execute(connection, names, *(KEEP_REST if is_own and is_mostly_known else (REMOVE_DUPLICATES,)))
    if is_own and is_adoptable and is_free(connection, events):
        _adopt(connection, names)
        return events
    _execute(connection, names, REMOVE_REPLACED, ADD)
    return staged


def _adopt(connection: Connection, names: dict[str, str]) -> None:
    """Let the staging table become ``events``, where copying a million rows costs 2 s, and indexes grown row by row 8 more."""
    _execute(connection, names, *ADOPT)
    connection.execute(SetTableComment(events))
    for index in events.indexes:
        index.create(connection)


def _execute(connection: Connection, names: dict[str, str], *statements: str, **values: int) -> None:
    for statement in statements:
        connection.execute(text(statement.format(**names)), values)


def _names(import_id: int) -> dict[str, str]:
    """What the statements above leave open: the import's own tables, and lists of columns."""
    ordinal = ordinal_key(literal_column("a.key"), literal_column("numbered.ordinal"))
    return {
        "arrivals": arrivals(import_id).name,
        "events_fill": str(EVENTS_FILL),
        "arrival_bytes": arrival_bytes(import_id).name,
        "columns": ", ".join(EVENT_COLUMNS),
        "a_columns": ", ".join(f"a.{column}" for column in EVENT_COLUMNS),
        "e_columns": ", ".join(f"e.{column}" for column in EVENT_COLUMNS),
        "same_content": SAME_CONTENT,
        "ordinal_key": str(ordinal.compile(dialect=POSTGRES, compile_kwargs={"literal_binds": True})),
    }


def _contested(connection: Connection) -> Iterator[pl.DataFrame]:
    """The tellings of contested keys that are not pairs, in frames that never part the tellings of one key."""
    statement = text(READ_CONTESTED).execution_options(yield_per=CONTESTED_BATCH)
    result = connection.execute(statement)
    kept: list[dict[str, Any]] = []
    # Mappings do not know how many rows their result yields at a time: unless told, they take all that are left.
    for partition in result.mappings().partitions(CONTESTED_BATCH):
        kept.extend(dict(row) for row in partition)
        last_key = kept[-1]["key"]
        cut = next(index for index, row in enumerate(kept) if row["key"] == last_key)
        if cut:
            yield pl.DataFrame(kept[:cut], infer_schema_length=None)
            kept = kept[cut:]
    if kept:
        yield pl.DataFrame(kept, infer_schema_length=None)


def _settlement(loaded: Sequence[RowMapping], outcomes: Sequence[RowMapping]) -> Settlement:
    files = {file["file_id"]: _loaded_ledger(file) for file in loaded}
    own_corrections = dict.fromkeys(files, 0)
    for told in outcomes:
        ledger, outcome, rows = files[told["file_id"]], Outcome(told["outcome"]), told["rows"]
        if outcome is Outcome.NEW:
            continue
        setattr(ledger, outcome.value, getattr(ledger, outcome.value) + rows)
        ledger.new -= rows
        if outcome is Outcome.DUPLICATE and told["is_keyless"]:
            ledger.duplicates_without_key += rows
        if outcome is Outcome.REJECTED:
            ledger.rejected_by_reason[RejectionCode.CONFLICT] = (
                ledger.rejected_by_reason.get(RejectionCode.CONFLICT, 0) + rows
            )
        if told["corrects_own_file"]:
            own_corrections[told["file_id"]] += rows
    return Settlement(files, own_corrections)


def _loaded_ledger(file: RowMapping) -> FileLedger:
    """The ledger of a file before settling: what was accepted counts as new."""
    ledger = FileLedger(
        file_id=file["file_id"],
        rows=file["rows"],
        new=file["rows"] - file["rejected"],
        rejected=file["rejected"],
    )
    for counts in file["counts"]:
        ledger.defaulted_timestamps += counts["defaulted_timestamps"]
        ledger.doubled_local_times += counts["doubled_local_times"]
        ledger.before_2000 += counts["before_2000"]
        for code, rows in counts["rejected_by_reason"].items():
            ledger.rejected_by_reason[code] = ledger.rejected_by_reason.get(code, 0) + rows
    ledger.unknown_fields = bounded_counts(counts["unknown_fields"] for counts in file["counts"])
    ledger.warnings = list(
        dict.fromkeys(chain.from_iterable(counts["warnings"] for counts in file["counts"]))
    )
    return ledger
