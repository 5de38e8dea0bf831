"""Give every row of an import its outcome, by its place.

Most rows are decided in SQL; the few keys with several different versions are read one occurrence after another by
``transforms.identity.outcomes``. Everything here writes to temporary tables alone; ``merge`` then moves the rows that
count into ``events``. Both run inside the transaction that publishes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, RowMapping, text

from flows.database.copy import copy_frame
from flows.imports.statement_names import statement_names
from schemas.ledger import FileLedger
from schemas.vocabulary import Outcome, RejectionCode
from transforms.identity.outcomes import decide_outcomes
from transforms.rows.counts import bounded_counts

CONTESTED_BATCH: Final = 10_000
"""Tellings of contested keys fetched at a time."""

PARALLEL_TUPLE_COST: Final = 0.01
"""Of a tuple from a worker; at the default of 0.1 a million known keys were sought by one process in twice the time."""


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
    select a.ctid as found_at, a.key, a.file_id, a.row, a.is_keyless, a.record_version,
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
        select key, file_id, row, false as is_existing, file_id as place_file_id, row as place_row, record_version,
               customer_no, event_name, is_deleted, is_timestamp_omitted, at, contract_no, properties
        from contested
        union all
        select e.key, e.file_id, e.row, true,
               (greatest(array[e.file_id, e.row], latest.place))[1]::int, (greatest(array[e.file_id, e.row], latest.place))[2],
               greatest(e.record_version::numeric, latest.record_version)::text,
               e.customer_no, e.event_name, e.is_deleted, e.is_timestamp_omitted, e.at, e.contract_no, e.properties
        from events e cross join lateral (
            select max(array[t.file_id, t.row]) as place, max(t.record_version::numeric) as record_version
            from duplicates t where t.key = e.key and t.version_file_id = e.file_id and t.version_row = e.row
        ) latest
        where e.key in (select key from contested_keys)
    )
    select key::text, file_id, row, is_existing, place_file_id, place_row, record_version, at, is_timestamp_omitted,
           dense_rank() over (partition by key order by {content_order}) as content,
           row_number() over (partition by key order by is_existing desc, place_file_id, place_row) as nth,
           count(*) over of_key = 2 and min(record_version::numeric) over of_key
               is not distinct from max(record_version::numeric) over of_key as is_pair
    from told window of_key as (partition by key)
"""
"""One row per telling of a contested key, what is held first; a pair is two whose order the source does not tell itself."""

READ_CONTESTED: Final = "select * from told where not is_pair order by key, nth"

SETTLE_PAIRS: Final = """
    insert into settled
    with pairs as (
        select one.key, one.file_id, one.row, one.is_existing, one.at, other.file_id as other_file_id, other.row as other_row,
               case when other.content = one.content then 'duplicate'
                    when :is_conflict_rejected then 'rejected'
                    when (other.place_file_id, other.place_row) > (one.place_file_id, one.place_row) then 'corrected'
                    else 'stale' end as outcome,
               other.at as other_at, one.is_timestamp_omitted and other.is_timestamp_omitted as is_omitted
        from told one join told other using (key)
        where one.is_pair and one.nth = 1 and other.nth = 2
    )
    select key, file_id, row, is_existing, case when not is_existing then 'new' end, outcome <> 'corrected', file_id, row, at, false
    from pairs
    union all
    select key, other_file_id, other_row, false, outcome, outcome = 'corrected',
           case outcome when 'duplicate' then file_id else other_file_id end,
           case outcome when 'duplicate' then row else other_row end,
           case when outcome = 'duplicate' or (is_omitted and outcome <> 'rejected') then at else other_at end,
           outcome = 'corrected' and file_id = other_file_id
    from pairs
"""
"""What ``decide_outcomes`` makes of two occurrences; over 75,000 keys of 5 million rows it took 2 s, and this a tenth."""

CREATE_SETTLED: Final = """
    create temporary table settled (
        key text, file_id int, row bigint, is_existing boolean, outcome text, is_current boolean,
        version_file_id int, version_row bigint, at timestamptz, corrects_own_file boolean
    ) on commit drop
"""

COUNT_OUTCOMES: Final = """
    select a.file_id, s.outcome, a.is_keyless, s.corrects_own_file, count(*) as rows
    from settled s join contested a on a.file_id = s.file_id and a.row = s.row
    where not s.is_existing group by 1, 2, 3, 4
    union all
    select file_id, 'duplicate', is_keyless, false, count(*) from plain_duplicates group by 1, 2, 3, 4
"""

COUNT_LOADED: Final = """
    select file_id, sum(rows)::bigint as rows, sum(rejected)::bigint as rejected, sum(keyless)::bigint as keyless,
           jsonb_agg(counts order by last_row) as counts
    from chunks where import_id = :import_id group by file_id
"""


@dataclass(frozen=True)
class Deduplication:
    """The ledger of each file of an import, and how many rows of each corrected another row of the same file."""

    files: dict[int, FileLedger]
    own_corrections: dict[int, int]


def settle(connection: Connection, *, import_id: int, is_conflict_rejected: bool) -> Deduplication:
    """Decide the outcome of every row of an import.

    Writes to temporary tables that end with the transaction, which :func:`merge` reads.
    """
    names = statement_names(import_id)
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
    deduplicate_contested(connection, is_conflict_rejected=is_conflict_rejected)
    connection.execute(text("analyze settled"))
    outcomes = connection.execute(text(COUNT_OUTCOMES.format(**names))).mappings().all()
    return _settlement(loaded, outcomes)


def deduplicate_contested(connection: Connection, *, is_conflict_rejected: bool) -> None:
    """Fill ``settled`` from the tables ``contested`` and ``contested_keys`` and what is held of those keys.

    Leaves a temporary table ``told``.
    """
    connection.execute(text(CREATE_TOLD.format(content_order=CONTENT_ORDER)))
    connection.execute(text("analyze told"))
    connection.execute(text(SETTLE_PAIRS), {"is_conflict_rejected": is_conflict_rejected})
    for batch in _contested(connection):
        copy_frame(connection, "settled", decide_outcomes(batch, is_conflict_rejected=is_conflict_rejected))


def _contested(connection: Connection) -> Iterator[pl.DataFrame]:
    """The occurrences of contested keys that are not pairs, in frames that never part the occurrences of one key."""
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


def _settlement(loaded: Sequence[RowMapping], outcomes: Sequence[RowMapping]) -> Deduplication:
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
    return Deduplication(files, own_corrections)


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
