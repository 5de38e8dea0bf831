"""Give every row of an import its outcome.

Most rows are decided in SQL; the few keys with more than two occurrences, or with an order of their source's own, are
decided by ``transforms.identity.outcomes``. This module writes to temporary tables only; ``merge`` then moves the rows that
count into ``events``. Both run in the transaction that publishes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, RowMapping, literal_column, text
from sqlalchemy.dialects import postgresql

from flows.database.copy import copy_frame
from flows.database.execute import execute
from flows.database.read import read_batches
from schemas.frames.occurrences import OCCURRENCES
from schemas.ledger import FileLedger
from schemas.tables.events import arrivals
from schemas.tables.working import occurrence_outcomes
from schemas.vocabulary import Outcome, RejectionCode
from transforms.identity.keys import ordinal_key
from transforms.identity.outcomes import decide_outcomes
from transforms.imports.readings import FileReading, reading_of
from transforms.rows.counts import bounded_counts
from transforms.statements import statements

CONTESTED_BATCH: Final = 10_000
"""Occurrences of contested keys fetched at a time."""

PARALLEL_TUPLE_COST: Final = 0.01
"""Cost of a tuple from a worker; at the default of 0.1, one process looked up a million known keys in twice the time."""

DECIDING: Final = statements("transforms/identity/outcomes.sql")
SQL: Final = statements("flows/imports/deduplicate.sql")


@dataclass(frozen=True)
class Deduplication:
    """The ledger of each file of an import, its number of rows that corrected another row of the same file, and its reading.

    All are by file_id.
    """

    files: dict[int, FileLedger]
    own_corrections: dict[int, int]
    readings: dict[int, FileReading]


def deduplicate(connection: Connection, *, import_id: int, is_conflict_rejected: bool) -> Deduplication:
    """Decide the outcome of every row of an import and return the counts.

    is_conflict_rejected: whether a row with a known key and other content is rejected instead of correcting the event.
    Writes to temporary tables that end with the transaction, which :func:`flows.imports.merge.merge` reads.
    """
    loaded = execute(connection, SQL["count_loaded"], import_id=import_id).mappings().all()
    has_keyless = any(file["keyless"] for file in loaded)
    _find_contested(connection, arrivals(import_id).name, has_keyless=has_keyless)
    decide_contested(connection, is_conflict_rejected=is_conflict_rejected)
    outcomes = execute(connection, DECIDING["count_outcomes"]).mappings().all()
    return _deduplication(loaded, outcomes)


def _find_contested(connection: Connection, staged: str, *, has_keyless: bool) -> None:
    """Fill the temporary tables up to ``contested_rows`` from a staging table."""
    names = {"arrivals": staged}
    if has_keyless:
        execute(connection, DECIDING["number_keyless_repeats"], names | {"ordinal_key": _ordinal_key()})
    connection.execute(text(f"analyze {staged} (key, file_id, row)"))
    connection.execute(text(f"set local parallel_tuple_cost = {PARALLEL_TUPLE_COST}"))
    for name in ("repeated_keys", "known_rows", "contested_keys", "contested_rows"):
        execute(connection, DECIDING[f"find_{name}"], names)
    execute(connection, DECIDING["keep_contested_keys"])
    connection.execute(text("drop table parallel_contested_keys"))
    execute(connection, DECIDING["view_plain_duplicates"])
    connection.execute(text("set local parallel_tuple_cost to default"))
    connection.execute(text("analyze known_rows, contested_keys, contested_rows"))


def _ordinal_key() -> str:
    """Return the key of a repeated keyless row as the SQL that ``number_keyless_repeats`` leaves open."""
    key = ordinal_key(literal_column("a.key"), literal_column("numbered.ordinal"))
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return str(key.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def decide_contested(connection: Connection, *, is_conflict_rejected: bool) -> None:
    """Create ``occurrence_outcomes`` from the contested keys and rows, and the events and duplicates of those keys."""
    occurrence_outcomes.create(connection, checkfirst=False)
    execute(connection, DECIDING["find_contested_occurrences"])
    connection.execute(text("analyze contested_occurrences"))
    execute(connection, DECIDING["decide_pairs"], is_conflict_rejected=is_conflict_rejected)
    for frame in _contested_occurrences(connection):
        outcomes = decide_outcomes(frame, is_conflict_rejected=is_conflict_rejected)
        copy_frame(connection, occurrence_outcomes.name, outcomes)
    connection.execute(text("analyze occurrence_outcomes"))


def _contested_occurrences(connection: Connection) -> Iterator[pl.DataFrame]:
    """Yield the occurrences that are no pairs in frames of OCCURRENCES; no key is split between two frames."""
    statement = DECIDING["read_contested_occurrences"].fill(columns=", ".join(OCCURRENCES))
    rows: list[dict[str, Any]] = []
    for batch in read_batches(connection, statement, {}, size=CONTESTED_BATCH):
        rows.extend(batch)
        last_key = rows[-1]["key"]
        cut = next(index for index, row in enumerate(rows) if row["key"] == last_key)
        if cut:
            yield pl.DataFrame(rows[:cut], schema=OCCURRENCES)
            rows = rows[cut:]
    if rows:
        yield pl.DataFrame(rows, schema=OCCURRENCES)


def _deduplication(loaded: Sequence[RowMapping], outcomes: Sequence[RowMapping]) -> Deduplication:
    """Return the ledgers of files from the counts of their loaded rows and of all outcomes but *new*."""
    files = {file["file_id"]: _loaded_ledger(file) for file in loaded}
    own_corrections = dict.fromkeys(files, 0)
    for counted in outcomes:
        ledger, outcome, rows = files[counted["file_id"]], Outcome(counted["outcome"]), counted["rows"]
        if outcome is Outcome.NEW:
            continue
        setattr(ledger, outcome.value, getattr(ledger, outcome.value) + rows)
        ledger.new -= rows
        if outcome is Outcome.DUPLICATE and counted["is_keyless"]:
            ledger.duplicates_without_key += rows
        if outcome is Outcome.REJECTED:
            ledger.rejected_by_reason[RejectionCode.CONFLICT] = (
                ledger.rejected_by_reason.get(RejectionCode.CONFLICT, 0) + rows
            )
        if counted["corrects_own_file"]:
            own_corrections[counted["file_id"]] += rows
    readings = {file["file_id"]: reading_of(file["rows"], file["counts"]) for file in loaded}
    return Deduplication(files, own_corrections, readings)


def _loaded_ledger(file: RowMapping) -> FileLedger:
    """Return the ledger of a file before deduplication, which counts every accepted row as new."""
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
