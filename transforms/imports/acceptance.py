"""Decide whether an import may count: limits on rejected rows, on old timestamps and on corrections within a file."""

from collections.abc import Iterable
from collections.abc import Mapping as Counts
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from schemas.documents.mapping import Mapping
from schemas.ledger import FileLedger, RowCounts
from transforms.imports.corrections import Changed, Corrections
from transforms.imports.readings import FileReading

MAX_REJECTED: Final = Decimal("0.05")
"""The share of rejected rows above which an import fails, unless the request names another."""

MAX_UNASSIGNED: Final = Decimal("0.05")
"""The share of an import's events on no line above which it is published with a warning, unless the request names another."""

MAX_CORRECTIONS: Final = Decimal("0.01")
"""The share of rows that may correct rows of their own file, or events of another feed; above it, the key is too short."""


@dataclass(frozen=True)
class MissingMember:
    """A member that the mapping reads is in no row of a JSON file; others: members that the mapping does not read."""

    uri: str
    name: str
    rows: int
    others: tuple[str, ...]


@dataclass(frozen=True)
class TooManyRejected:
    """More rows of a file, or of the whole import, were rejected than the limit allows, or all rows of the import.

    files: the files above the limit, those with the greatest share first.
    """

    rejected: int
    rows: int
    limit: Decimal
    files: tuple[FileLedger, ...]


@dataclass(frozen=True)
class MostlyBefore2000:
    """Most events of a file lie before the year 2000, as if seconds were taken for milliseconds."""

    uri: str
    before_2000: int
    accepted: int


@dataclass(frozen=True)
class KeyTooShort:
    """Too many rows of a file correct one another, so the key that the mapping makes does not tell events apart."""

    uri: str
    own_corrections: int
    rows: int


@dataclass(frozen=True)
class SharedKeys:
    """Too many rows correct events of another feed, so two feeds probably number their events alike."""

    corrections: Changed
    rows: int


Refusal = MissingMember | TooManyRejected | MostlyBefore2000 | KeyTooShort | SharedKeys


def refuse_import(
    total: RowCounts,
    files: list[FileLedger],
    *,
    mapping: Mapping,
    max_rejected: Decimal,
    own_corrections: Counts[int, int],
    readings: Counts[int, FileReading],
    corrections: Corrections,
) -> Refusal | None:
    """Return the first reason why an import must not count, or None if it may.

    total, files: the counts of the whole import and of each of its files. max_rejected: the share of rows that may be
    rejected. own_corrections: by file_id, the rows that corrected another row of the same file.
    readings: by file_id, the way the files were read. corrections: how the corrections of the import change events.
    """
    for file in files:
        reading = readings.get(file.file_id or 0)
        missing = None if reading is None else reading.missing_member()
        if missing is not None:
            return MissingMember(file.uri, missing, file.rows, tuple(file.unknown_fields))
    above = files_above_limit(files, max_rejected)
    if above or 0 < total.rejected == total.rows:
        return TooManyRejected(total.rejected, total.rows, max_rejected, above)
    for file in files:
        refusal = _refuse_file(file, mapping, own_corrections.get(file.file_id or 0, 0))
        if refusal is not None:
            return refusal
    other = corrections.is_of_other_feed
    if other.rows > MAX_CORRECTIONS * total.rows and not mapping.expects_corrections:
        return SharedKeys(other, total.rows)
    return None


def files_above_limit(files: Iterable[FileLedger], max_rejected: Decimal) -> tuple[FileLedger, ...]:
    """Return the files of which more rows are rejected than the share allows, those with the greatest share first."""
    above = [file for file in files if file.rejected > max_rejected * file.rows]
    return tuple(sorted(above, key=lambda file: Decimal(file.rejected) / file.rows, reverse=True))


def _refuse_file(file: FileLedger, mapping: Mapping, own_corrections: int) -> Refusal | None:
    accepted = file.rows - file.rejected
    if mapping.oldest is None and accepted and 2 * file.before_2000 > accepted:
        return MostlyBefore2000(file.uri, file.before_2000, accepted)
    if (
        mapping.makes_key
        and not mapping.expects_corrections
        and own_corrections > MAX_CORRECTIONS * file.rows
    ):
        return KeyTooShort(file.uri, own_corrections, file.rows)
    return None
