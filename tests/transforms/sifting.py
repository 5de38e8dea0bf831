"""Three customers, two contracts and a clock, and functions that sift rows with them."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import polars as pl

from schemas.documents.mapping import DEFAULT_MAPPING, Mapping
from schemas.frames.chunk import Chunk, Malformed
from transforms.rows.counts import SiftCounts, bounded_counts
from transforms.rows.sift import Sifted, sift

CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
UUID = "2f1c0a52-9f1e-4b1c-8d2e-0000000000ab"

CUSTOMERS = pl.DataFrame(
    {"customer_no": [1, 2, 3], "id": [UUID, "cus-2", "5"], "external_customer_id": ["acme", None, None]},
    schema={"customer_no": pl.Int32, "id": pl.String, "external_customer_id": pl.String},
)
CONTRACTS = pl.DataFrame(
    {"contract_no": [7, 8], "id": ["con-7", "con-8"], "customer_no": [1, 2]},
    schema={"contract_no": pl.Int32, "id": pl.String, "customer_no": pl.Int32},
)


def positions(height: int, first: int = 1) -> pl.DataFrame:
    rows = range(first, first + height)
    return pl.DataFrame(
        {"row": rows, "line": rows, "byte_offset": [None] * height},
        schema={"row": pl.Int64, "line": pl.Int64, "byte_offset": pl.Int64},
    )


def json_chunk(raws: list[bytes], *, first: int = 1, malformed: dict[int, Malformed] | None = None) -> Chunk:
    return Chunk(
        positions=positions(len(raws), first), raws=raws, cells=None, malformed=malformed or {}, bytes_read=0
    )


def cells_chunk(cells: pl.DataFrame, *, raws: list[bytes] | None = None, first: int = 1) -> Chunk:
    return Chunk(positions=positions(len(cells), first), raws=raws, cells=cells, malformed={}, bytes_read=0)


def sifted(chunk: Chunk, *, mapping: Mapping = DEFAULT_MAPPING, is_exact: bool = False) -> Sifted:
    return sift(
        chunk, mapping=mapping, customers=CUSTOMERS, contracts=CONTRACTS, clock=CLOCK, is_exact=is_exact
    )


def sum_of(counts: list[SiftCounts]) -> SiftCounts:
    """Return the counts of several chunks together, as the ledger of a file adds them."""
    return SiftCounts(
        unknown_fields=bounded_counts([one.unknown_fields for one in counts]),
        defaulted_timestamps=sum(one.defaulted_timestamps for one in counts),
        doubled_local_times=sum(one.doubled_local_times for one in counts),
        before_2000=sum(one.before_2000 for one in counts),
        mapped_members=dict(sum((Counter(one.mapped_members) for one in counts), Counter())),
        times=_joined([one.times for one in counts if one.times]),
        swapped_times=_joined([one.swapped_times for one in counts if one.swapped_times]),
    )


def _joined(spans: list[tuple[str, str]]) -> tuple[str, str] | None:
    return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None


def event(**fields: Any) -> bytes:
    """Return a row that is accepted unless the given fields change that."""
    whole = {"eventName": "call", "externalCustomerId": "acme", "timestamp": "2025-06-01T00:00:00Z"} | fields
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def rejection(raw: bytes, **options: Any) -> dict[str, Any]:
    """Return the rejection of a row that must be rejected."""
    return _only(sifted(json_chunk([raw, raw]), **options).rejections, raw)


def accepted(raw: bytes, **options: Any) -> dict[str, Any]:
    """Return the accepted row of a row that must be accepted."""
    return _only(sifted(json_chunk([raw, raw]), **options).accepted, raw)


def _only(half: pl.DataFrame, raw: bytes) -> dict[str, Any]:
    """Return one of two equal rows; the second is read by a decoder that has learned from the first."""
    assert len(half) == 2, raw
    first, second = half.rows(named=True)
    assert first | {"row": 2, "line": 2} == second
    return first
