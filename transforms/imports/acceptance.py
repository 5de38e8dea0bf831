"""Decide whether an import may count: limits on rejected rows, on old timestamps and on corrections within a file."""

from collections.abc import Mapping as Counts
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from schemas.documents.mapping import Mapping, Template
from schemas.ledger import FileLedger, RowCounts

MAX_REJECTED: Final = Decimal("0.05")
"""The share of rejected rows above which an import fails, unless the request names another."""

MAX_UNASSIGNED: Final = Decimal("0.05")
"""The share of an import's events on no line above which it is published with a warning, unless the request names another."""

MAX_OWN_CORRECTIONS: Final = Decimal("0.01")
"""The share of a file's rows that may correct one another; above it, a key made by a template is too short."""


@dataclass(frozen=True)
class TooManyRejected:
    """More rows were rejected than the limit allows, or all of them."""

    rejected: int
    rows: int
    limit: Decimal


@dataclass(frozen=True)
class MostlyBefore2000:
    """Most events of a file lie before the year 2000, as if seconds were taken for milliseconds."""

    uri: str
    before_2000: int
    accepted: int


@dataclass(frozen=True)
class KeyTooShort:
    """Too many rows of a file correct one another, so the template of the key does not tell events apart."""

    uri: str
    own_corrections: int
    rows: int


Refusal = TooManyRejected | MostlyBefore2000 | KeyTooShort


def refuse_import(
    total: RowCounts,
    files: list[FileLedger],
    *,
    mapping: Mapping,
    max_rejected: Decimal,
    own_corrections: Counts[int, int],
) -> Refusal | None:
    """Return the first reason why an import must not count, or None if it may.

    total, files: the counts of the whole import and of each of its files. max_rejected: the share of rows that may be
    rejected. own_corrections: by file_id, the rows that corrected another row of the same file.
    """
    if exceeds_limit(total, max_rejected):
        return TooManyRejected(total.rejected, total.rows, max_rejected)
    for file in files:
        refusal = _refuse_file(file, mapping, own_corrections.get(file.file_id or 0, 0))
        if refusal is not None:
            return refusal
    return None


def exceeds_limit(counts: RowCounts, max_rejected: Decimal) -> bool:
    """Return whether more rows are rejected than the share allows; all rows rejected is always too many."""
    return counts.rejected > 0 and (
        counts.rejected == counts.rows or counts.rejected > max_rejected * counts.rows
    )


def _refuse_file(file: FileLedger, mapping: Mapping, own_corrections: int) -> Refusal | None:
    accepted = file.rows - file.rejected
    if mapping.oldest is None and accepted and 2 * file.before_2000 > accepted:
        return MostlyBefore2000(file.uri, file.before_2000, accepted)
    if _is_key_from_template(mapping) and own_corrections > MAX_OWN_CORRECTIONS * file.rows:
        return KeyTooShort(file.uri, own_corrections, file.rows)
    return None


def _is_key_from_template(mapping: Mapping) -> bool:
    return mapping.fields is not None and isinstance(mapping.fields.get("idempotencyKey"), Template)
