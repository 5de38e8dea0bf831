"""Outcomes: what the occurrences of one key make of it, read one after another in the order of their places."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import polars as pl

from schemas.frames.instant import INSTANT
from schemas.vocabulary import Outcome

SETTLED_SCHEMA: Final = pl.Schema(
    {
        "key": pl.String(),
        "file_id": pl.Int32(),
        "row": pl.Int64(),
        "is_existing": pl.Boolean(),
        "outcome": pl.String(),
        "is_current": pl.Boolean(),
        "version_file_id": pl.Int32(),
        "version_row": pl.Int64(),
        "at": INSTANT,
        "corrects_own_file": pl.Boolean(),
    }
)


@dataclass
class _Version:
    """A version while its key is being settled: where it was first told, and where and in which version last."""

    row: dict[str, Any]
    place: tuple[int, int]
    record_version: Decimal | None
    at: Any


def decide_outcomes(occurrences: pl.DataFrame, *, is_conflict_rejected: bool) -> pl.DataFrame:
    """Give every occurrence of contested keys its outcome.

    occurrences: one row per occurrence of a key, and one (``is_existing``) per version that counts already; columns ``key``,
    ``file_id``, ``row``, ``is_existing``, ``place_file_id``, ``place_row`` (of the latest equal occurrence; an occurrence's own),
    ``record_version`` (Decimal text or null), ``content`` (equal within a key where the content is the same), ``at``,
    ``is_timestamp_omitted``. Sorted by key, the held version first, then by place.

    Returns one row per row of ``occurrences`` in ``SETTLED_SCHEMA``: ``outcome`` is null for held versions; a version
    ``is_current`` where it counts in the end; (``version_file_id``, ``version_row``) is where the version that a
    occurrence tells was first told; ``at`` is when its event happened; ``corrects_own_file`` says that a correction
    replaced a version from the same file.
    """
    rows = [
        settled
        for _, group in groupby(occurrences.iter_rows(named=True), key=lambda row: row["key"])
        for settled in _settle_key(group, is_conflict_rejected=is_conflict_rejected)
    ]
    return pl.DataFrame(rows, schema=SETTLED_SCHEMA)


def _settle_key(occurrences: Iterator[dict[str, Any]], *, is_conflict_rejected: bool) -> list[dict[str, Any]]:
    settled: list[dict[str, Any]] = []
    held: _Version | None = None
    for occurrence in occurrences:
        told = _told(occurrence)
        if held is None:
            held = told
            outcome = None if occurrence["is_existing"] else Outcome.NEW
        elif told.row["content"] == held.row["content"]:
            outcome = Outcome.DUPLICATE
            held.place = max(held.place, told.place)
            held.record_version = _latest_version(held.record_version, told.record_version)
            told = held
        elif is_conflict_rejected:
            outcome = Outcome.REJECTED
        else:
            if occurrence["is_timestamp_omitted"] and held.row["is_timestamp_omitted"]:
                told.at = held.at
            outcome = Outcome.CORRECTED if _is_later(told, held) else Outcome.STALE
        row = _settled_row(occurrence, told, outcome)
        if outcome == Outcome.CORRECTED and held is not None:
            row["corrects_own_file"] = held.row["file_id"] == occurrence["file_id"]
            held = told
        settled.append(row)
    for row in settled:
        row["is_current"] = (
            held is not None
            and row["outcome"] in {None, Outcome.NEW, Outcome.CORRECTED}
            and (row["file_id"], row["row"]) == (held.row["file_id"], held.row["row"])
        )
    return settled


def _told(occurrence: dict[str, Any]) -> _Version:
    version = occurrence["record_version"]
    return _Version(
        row=occurrence,
        place=(occurrence["place_file_id"], occurrence["place_row"]),
        record_version=None if version is None else Decimal(version),
        at=occurrence["at"],
    )


def _settled_row(occurrence: dict[str, Any], version: _Version, outcome: Outcome | None) -> dict[str, Any]:
    return {
        "key": occurrence["key"],
        "file_id": occurrence["file_id"],
        "row": occurrence["row"],
        "is_existing": occurrence["is_existing"],
        "outcome": outcome,
        "is_current": False,
        "version_file_id": version.row["file_id"],
        "version_row": version.row["row"],
        "at": version.at,
        "corrects_own_file": False,
    }


def _is_later(told: _Version, held: _Version) -> bool:
    """The source's own order decides where both carry one, the place where it does not."""
    if (
        told.record_version is not None
        and held.record_version is not None
        and told.record_version != held.record_version
    ):
        return told.record_version > held.record_version
    return told.place > held.place


def _latest_version(held: Decimal | None, told: Decimal | None) -> Decimal | None:
    known = [version for version in (held, told) if version is not None]
    return max(known, default=None)
