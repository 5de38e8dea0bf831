"""A small world to sift rows in: three customers, two contracts, a clock."""

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl

from schemas.documents.mapping import DEFAULT_MAPPING, Mapping
from schemas.frames.chunk import Chunk, Malformed
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


def event(**fields: Any) -> bytes:
    """A row that is accepted, but for the fields given."""
    whole = {"eventName": "call", "externalCustomerId": "acme", "timestamp": "2025-06-01T00:00:00Z"} | fields
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def rejection(raw: bytes, **options: Any) -> dict[str, Any]:
    """The rejection of a row that must be rejected."""
    return _only(sifted(json_chunk([raw, raw]), **options).rejections, raw)


def accepted(raw: bytes, **options: Any) -> dict[str, Any]:
    """What goes on of a row that must be accepted."""
    return _only(sifted(json_chunk([raw, raw]), **options).accepted, raw)


def _only(half: pl.DataFrame, raw: bytes) -> dict[str, Any]:
    """The one row of two alike: the second is read knowing what the first has taught."""
    assert len(half) == 2, raw
    first, second = half.rows(named=True)
    assert first | {"row": 2, "line": 2} == second
    return first
