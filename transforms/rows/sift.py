"""Sift a chunk: map fields, normalise, resolve customers, validate, identify.

Every row of a chunk ends in exactly one half, accepted or rejected, whatever the size of the chunk.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import polars as pl

from schemas.documents.mapping import Mapping
from schemas.frames.chunk import RAW_KEPT_BYTES, Chunk
from schemas.frames.rows import INSTANT, row_rules
from transforms.identity.keys import identify
from transforms.rows.counts import SiftCounts, counts_of
from transforms.rows.fields import Fields, map_fields
from transforms.rows.normalise import normalise
from transforms.rows.rejection_messages import give_reasons
from transforms.rows.resolve import resolve_customers
from transforms.rows.validate import validate
from transforms.rows.warnings import warnings_of
from transforms.values.days import LAST_INSTANT

FUTURE_BOUND = timedelta(hours=1)
"""How far after the import's clock a timestamp may lie; exactly so far is allowed."""


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
    if mapping.rejects_conflicts:
        accepted, columns = _with_bytes(accepted, chunk, read), ACCEPTED | BYTES
    reasons = give_reasons(halves.refused, customers=customers, contracts=contracts, oldest=mapping.oldest)
    return Sifted(
        accepted=accepted.select(pl.col(name).cast(dtype) for name, dtype in columns.items()),
        rejections=_with_bytes(halves.refused.hstack(reasons), chunk, read).select(
            pl.col(name).cast(dtype) for name, dtype in (REJECTED | BYTES).items()
        ),
        counts=counts_of(accepted, read),
        warnings=warnings_of(accepted),
    )


def latest_at(clock: datetime) -> datetime:
    """The latest instant that an event may have at a clock."""
    return min(clock, LAST_INSTANT - FUTURE_BOUND) + FUTURE_BOUND


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
