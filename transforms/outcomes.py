"""Outcomes: what the tellings of one key make of it, read one after another in the order of their places."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

import polars as pl

from schemas.ledger import Outcome

SETTLED_SCHEMA: Final = pl.Schema(
    {
        "key": pl.String(),
        "file_id": pl.Int32(),
        "row": pl.Int64(),
        "is_held": pl.Boolean(),
        "outcome": pl.String(),
        "is_current": pl.Boolean(),
        "version_file_id": pl.Int32(),
        "version_row": pl.Int64(),
        "at": pl.Datetime("us", "UTC"),
        "corrects_own_file": pl.Boolean(),
    }
)


@dataclass
class _Version:
    """A version while its key is being settled: where it was first told, and where and in which version last."""

    row: dict[str, Any]
    place: tuple[int, int]
    source_version: Decimal | None
    at: Any


def settle_contested(tellings: pl.DataFrame, *, is_conflict_rejected: bool) -> pl.DataFrame:
    """Give every telling of contested keys its outcome.

    tellings: one row per telling of a key, and one (``is_held``) per version that counts already; columns ``key``,
    ``file_id``, ``row``, ``is_held``, ``place_file_id``, ``place_row`` (of the latest equal telling; a telling's own),
    ``source_version`` (Decimal text or null), ``content`` (equal within a key where the content is the same), ``at``,
    ``is_timestamp_omitted``. Sorted by key, the held version first, then by place.

    Returns one row per row of ``tellings`` in ``SETTLED_SCHEMA``: ``outcome`` is null for held versions; a version
    ``is_current`` where it counts in the end; (``version_file_id``, ``version_row``) is where the version that a
    telling tells was first told; ``at`` is when its event happened; ``corrects_own_file`` says that a correction
    replaced a version from the same file.
    """
    rows = [
        settled
        for _, group in groupby(tellings.iter_rows(named=True), key=lambda row: row["key"])
        for settled in _settle_key(group, is_conflict_rejected=is_conflict_rejected)
    ]
    return pl.DataFrame(rows, schema=SETTLED_SCHEMA)


def _settle_key(tellings: Iterator[dict[str, Any]], *, is_conflict_rejected: bool) -> list[dict[str, Any]]:
    settled: list[dict[str, Any]] = []
    held: _Version | None = None
    for telling in tellings:
        told = _told(telling)
        if held is None:
            held = told
            outcome = None if telling["is_held"] else Outcome.NEW
        elif told.row["content"] == held.row["content"]:
            outcome = Outcome.DUPLICATE
            held.place = max(held.place, told.place)
            held.source_version = _latest_version(held.source_version, told.source_version)
            told = held
        elif is_conflict_rejected:
            outcome = Outcome.REJECTED
        else:
            if telling["is_timestamp_omitted"] and held.row["is_timestamp_omitted"]:
                told.at = held.at
            outcome = Outcome.CORRECTED if _is_later(told, held) else Outcome.STALE
        row = _settled_row(telling, told, outcome)
        if outcome == Outcome.CORRECTED and held is not None:
            row["corrects_own_file"] = held.row["file_id"] == telling["file_id"]
            held = told
        settled.append(row)
    for row in settled:
        row["is_current"] = (
            held is not None
            and row["outcome"] in {None, Outcome.NEW, Outcome.CORRECTED}
            and (row["file_id"], row["row"]) == (held.row["file_id"], held.row["row"])
        )
    return settled


def _told(telling: dict[str, Any]) -> _Version:
    version = telling["source_version"]
    return _Version(
        row=telling,
        place=(telling["place_file_id"], telling["place_row"]),
        source_version=None if version is None else Decimal(version),
        at=telling["at"],
    )


def _settled_row(telling: dict[str, Any], version: _Version, outcome: Outcome | None) -> dict[str, Any]:
    return {
        "key": telling["key"],
        "file_id": telling["file_id"],
        "row": telling["row"],
        "is_held": telling["is_held"],
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
        told.source_version is not None
        and held.source_version is not None
        and told.source_version != held.source_version
    ):
        return told.source_version > held.source_version
    return told.place > held.place


def _latest_version(held: Decimal | None, told: Decimal | None) -> Decimal | None:
    known = [version for version in (held, told) if version is not None]
    return max(known, default=None)
