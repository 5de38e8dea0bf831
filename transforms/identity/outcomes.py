"""Decide the outcome of each occurrence of a key, one after another in the order of their places."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

import polars as pl

from schemas.frames.occurrences import OUTCOMES
from schemas.vocabulary import Outcome


@dataclass
class _Version:
    """A version of a key: its first occurrence, the latest place and the greatest source version of all, and its time."""

    row: dict[str, Any]
    place: tuple[int, int]
    record_version: Decimal | None
    at: Any


def decide_outcomes(occurrences: pl.DataFrame, *, is_conflict_rejected: bool) -> pl.DataFrame:
    """Return the outcome of every occurrence of contested keys.

    occurrences: a frame of ``OCCURRENCES``, sorted by key; within a key the existing event first, then by place.
    is_conflict_rejected: whether an occurrence with other content is rejected instead of correcting.
    Returns a frame of ``OUTCOMES``, a row per row of `occurrences`.
    """
    rows = [
        outcome
        for _, group in groupby(occurrences.iter_rows(named=True), key=lambda row: row["key"])
        for outcome in _decide_key(group, is_conflict_rejected=is_conflict_rejected)
    ]
    return pl.DataFrame(rows, schema=OUTCOMES)


def _decide_key(occurrences: Iterator[dict[str, Any]], *, is_conflict_rejected: bool) -> list[dict[str, Any]]:
    outcomes: list[dict[str, Any]] = []
    current: _Version | None = None
    for occurrence in occurrences:
        version = _version_of(occurrence)
        if current is None:
            current = version
            outcome = None if occurrence["is_existing"] else Outcome.NEW
        elif version.row["content"] == current.row["content"]:
            outcome = Outcome.DUPLICATE
            current.place = max(current.place, version.place)
            current.record_version = _greatest(current.record_version, version.record_version)
            version = current
        elif is_conflict_rejected:
            outcome = Outcome.REJECTED
        else:
            if occurrence["is_timestamp_omitted"] and current.row["is_timestamp_omitted"]:
                version.at = current.at
            outcome = Outcome.CORRECTED if _is_later(version, current) else Outcome.STALE
        row = _outcome_row(occurrence, version, outcome)
        if outcome == Outcome.CORRECTED and current is not None:
            row["corrects_own_file"] = current.row["file_id"] == occurrence["file_id"]
            current = version
        outcomes.append(row)
    for row in outcomes:
        row["is_current"] = (
            current is not None
            and row["outcome"] in {None, Outcome.NEW, Outcome.CORRECTED}
            and (row["file_id"], row["row"]) == (current.row["file_id"], current.row["row"])
        )
    return outcomes


def _version_of(occurrence: dict[str, Any]) -> _Version:
    record_version = occurrence["record_version"]
    return _Version(
        row=occurrence,
        place=(occurrence["place_file_id"], occurrence["place_row"]),
        record_version=None if record_version is None else Decimal(record_version),
        at=occurrence["at"],
    )


def _outcome_row(occurrence: dict[str, Any], version: _Version, outcome: Outcome | None) -> dict[str, Any]:
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


def _is_later(version: _Version, current: _Version) -> bool:
    """Return whether a version replaces the current one: by the source's own order if both carry one, else by place."""
    if (
        version.record_version is not None
        and current.record_version is not None
        and version.record_version != current.record_version
    ):
        return version.record_version > current.record_version
    return version.place > current.place


def _greatest(*versions: Decimal | None) -> Decimal | None:
    return max((version for version in versions if version is not None), default=None)
