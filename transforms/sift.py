"""The way of a row through the rules: map fields, normalise, resolve customers, validate, identify.

Every row of a chunk ends in exactly one half, accepted or rejected, whatever the size of the chunk.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import polars as pl

from schemas.chunk import RAW_KEPT_BYTES, Chunk
from schemas.mapping import Mapping
from schemas.rows import INSTANT, row_rules
from transforms.customers import resolve_customers
from transforms.days import LAST_INSTANT
from transforms.fields import Fields, map_fields
from transforms.identify import identify
from transforms.normalise import normalise
from transforms.reasons import give_reasons, visible
from transforms.validate import validate
from transforms.warnings import warnings_of

FUTURE_BOUND = timedelta(hours=1)
"""How far after the import's clock a timestamp may lie; exactly so far is allowed."""

UNKNOWN_FIELDS_COUNTED = 100
"""Unknown fields counted by name; the first in order of code points, so that merging chunks in any order agrees."""

OTHER_FIELDS = "…"
"""Under this name all other unknown fields are counted together."""

ACCEPTED: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64,
    "line": pl.Int64,
    "byte_offset": pl.Int64,
    "key": pl.Binary,
    "is_keyless": pl.Boolean,
    "at": INSTANT,
    "is_timestamp_omitted": pl.Boolean,
    "customer_no": pl.Int32,
    "contract_no": pl.Int32,
    "event_name": pl.String,
    "idempotency_key": pl.String,
    "properties": pl.String,
    "version": pl.String,
    "is_deleted": pl.Boolean,
}
REJECTED: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.Int64,
    "line": pl.Int64,
    "byte_offset": pl.Int64,
    "code": pl.String,
    "message": pl.String,
    "field": pl.String,
    "value": pl.String,
}
BYTES: dict[str, pl.DataType | type[pl.DataType]] = {
    "raw": pl.Binary,
    "raw_length": pl.Int64,
    "raw_sha256": pl.Binary,
}
"""Beside rejections, and beside accepted rows where a conflict would still reject them."""


@dataclass(frozen=True)
class SiftCounts:
    """What is counted beside the halves: unknown fields over all readable rows, the rest over accepted ones."""

    unknown_fields: dict[str, int] = field(default_factory=dict)
    defaulted_timestamps: int = 0
    doubled_local_times: int = 0
    before_2000: int = 0

    def __add__(self, other: "SiftCounts") -> "SiftCounts":
        """The counts of two chunks together."""
        return SiftCounts(
            unknown_fields=bounded_counts([self.unknown_fields, other.unknown_fields]),
            defaulted_timestamps=self.defaulted_timestamps + other.defaulted_timestamps,
            doubled_local_times=self.doubled_local_times + other.doubled_local_times,
            before_2000=self.before_2000 + other.before_2000,
        )


@dataclass(frozen=True)
class Sifted:
    """Both halves of a chunk (columns ``ACCEPTED``, and ``REJECTED`` with ``BYTES``), each in the order of the rows; counts; warnings."""

    accepted: pl.DataFrame
    rejections: pl.DataFrame
    counts: SiftCounts
    warnings: tuple[str, ...]


def sift(
    chunk: Chunk,
    *,
    mapping: Mapping,
    customers: pl.DataFrame,
    contracts: pl.DataFrame,
    clock: datetime,
    is_exact: bool = False,
) -> Sifted:
    """Every row of the chunk, accepted or rejected.

    customers: ``customer_no`` Int32, ``id``, ``external_customer_id`` String|null; contracts: ``contract_no`` Int32, ``id``,
    ``customer_no``; both as known. clock: the import's, aware. is_exact: read JSON by the exact path alone (the same, slower).
    """
    clock = clock.astimezone(UTC)
    read = map_fields(chunk, mapping=mapping, is_exact=is_exact)
    rows = normalise(read.rows, mapping=mapping, clock=clock)
    rows = resolve_customers(rows, customers=customers, contracts=contracts)
    rules = row_rules(
        latest=latest_at(clock),
        oldest=mapping.oldest,
        is_timestamp_required=mapping.missing_timestamp == "reject",
    )
    halves = validate(rows.hstack(chunk.positions).with_row_index("place"), rules)
    accepted = identify(halves.accepted, customers=customers, contracts=contracts)
    columns: dict[str, pl.DataType | type[pl.DataType]] = ACCEPTED
    if mapping.on_conflict == "reject":
        accepted, columns = _with_bytes(accepted, chunk, read), ACCEPTED | BYTES
    reasons = give_reasons(halves.refused, customers=customers, contracts=contracts, oldest=mapping.oldest)
    return Sifted(
        accepted=accepted.select(pl.col(name).cast(dtype) for name, dtype in columns.items()),
        rejections=_with_bytes(halves.refused.hstack(reasons), chunk, read).select(
            pl.col(name).cast(dtype) for name, dtype in (REJECTED | BYTES).items()
        ),
        counts=_counts(accepted, read),
        warnings=warnings_of(accepted),
    )


def latest_at(clock: datetime) -> datetime:
    """The latest instant that an event may have at a clock."""
    return min(clock, LAST_INSTANT - FUTURE_BOUND) + FUTURE_BOUND


def bounded_counts(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts by name added up, names beyond ``UNKNOWN_FIELDS_COUNTED`` under ``OTHER_FIELDS``."""
    total: dict[str, int] = {}
    for count in counts:
        for name, number in count.items():
            total[visible(name)] = total.get(visible(name), 0) + number
    names = sorted(name for name, number in total.items() if number and name != OTHER_FIELDS)
    kept = {name: total[name] for name in names[:UNKNOWN_FIELDS_COUNTED]}
    other = sum(total.values()) - sum(kept.values())
    return kept | ({OTHER_FIELDS: other} if other else {})


def _counts(accepted: pl.DataFrame, read: Fields) -> SiftCounts:
    numbers = accepted.select(
        defaulted=pl.col("is_timestamp_omitted").sum(),
        doubled=pl.col("is_doubled").sum(),
        before_2000=(pl.col("at").dt.year() < 2000).sum(),
    ).row(0)
    return SiftCounts(bounded_counts([read.unknown]), *map(int, numbers))


def _with_bytes(rows: pl.DataFrame, chunk: Chunk, read: Fields) -> pl.DataFrame:
    """Rows (``place``) with their untouched bytes, at most ``RAW_KEPT_BYTES``, and length and hash of all of them."""
    places = rows["place"].to_list()
    raws = [read.raw(place) for place in places]
    unreadable = [chunk.malformed.get(place) for place in places]
    return rows.with_columns(
        raw=pl.Series([raw[:RAW_KEPT_BYTES] for raw in raws], dtype=pl.Binary),
        raw_length=pl.Series(
            [len(raw) if bad is None else bad.raw_length for raw, bad in zip(raws, unreadable, strict=True)],
            dtype=pl.Int64,
        ),
        raw_sha256=pl.Series(
            [
                sha256(raw).digest() if bad is None else bad.raw_sha256
                for raw, bad in zip(raws, unreadable, strict=True)
            ],
            dtype=pl.Binary,
        ),
    )
