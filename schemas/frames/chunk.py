"""What reading hands to sifting: a bounded run of consecutive rows of one file."""

from dataclasses import dataclass

import polars as pl

RAW_KEPT_BYTES = 64 * 1024
"""How much of a row's untouched bytes is kept when it is set aside; longer rows keep length and hash."""

ROW_LIMIT_BYTES = 16 * 1024 * 1024
"""A longer row is malformed."""


@dataclass(frozen=True)
class Malformed:
    """Why a row cannot be read, and the length and hash of all its bytes."""

    message: str
    raw_length: int
    raw_sha256: bytes


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file, split but not yet understood.

    positions: one row per row; ``row`` Int64 from 1, ``line`` and ``byte_offset`` Int64, null where unknown
    (the offset is one of the decompressed bytes).
    raws: the untouched bytes of each row (a JSON text, or a CSV row without its line end), at most
    ``RAW_KEPT_BYTES`` of a malformed one; None for Parquet.
    cells: None for JSON; String columns for CSV, native types for Parquet; as high as ``positions``.
    malformed: index within the chunk → why that row cannot be read.
    bytes_read: bytes of the source, as stored, consumed so far.
    """

    positions: pl.DataFrame
    raws: list[bytes] | None
    cells: pl.DataFrame | None
    malformed: dict[int, Malformed]
    bytes_read: int
