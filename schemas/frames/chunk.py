"""A chunk: a bounded run of consecutive rows of one file, as reading hands it to sifting."""

from dataclasses import dataclass
from typing import Final

import polars as pl

RAW_KEPT_BYTES = 64 * 1024
"""The bytes of a rejected row that are kept; of a longer row its length and hash are kept too."""

ROW_LIMIT_BYTES = 16 * 1024 * 1024
"""The bytes that a row may have; a longer row is malformed."""

POSITIONS: Final = pl.Schema({"row": pl.Int64(), "line": pl.Int64(), "byte_offset": pl.Int64()})
"""One row per row of a chunk: its number in the file, from 1; its line and its offset in the decompressed bytes, null if unknown."""


@dataclass(frozen=True)
class Malformed:
    """The reason why a row cannot be read, and the length and hash of all its bytes."""

    message: str
    raw_length: int
    raw_sha256: bytes


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one file, separated but not yet interpreted.

    positions: one row per row, columns ``POSITIONS``.
    raws: the untouched bytes of each row (a JSON text, or a CSV row without its line end), at most
    ``RAW_KEPT_BYTES`` of a malformed one; None for Parquet.
    cells: None for JSON; String columns for CSV, native types for Parquet; as high as ``positions``.
    malformed: index within the chunk → the reason why that row cannot be read.
    bytes_read: bytes of the source, as stored, consumed so far.
    ends_open: whether the file is CSV, has been read to its end, and its last row has no line end.
    """

    positions: pl.DataFrame
    raws: list[bytes] | None
    cells: pl.DataFrame | None
    malformed: dict[int, Malformed]
    bytes_read: int
    ends_open: bool = False
