"""The frames that sifting returns: the accepted rows and the rejected rows of a chunk.

The contracts are polars schemas: sifting selects and casts by them, so a frame cannot differ from its contract. Checking
them again row by row, as ``row_rules`` checks the rows before, would find nothing.
"""

from typing import Final

import polars as pl

from schemas.frames.chunk import POSITIONS
from schemas.frames.instant import INSTANT

BYTES: Final = pl.Schema({"raw": pl.Binary(), "raw_length": pl.Int64(), "raw_sha256": pl.Binary()})
"""The bytes of a row: at most ``RAW_KEPT_BYTES`` of them, and the length and the hash of all."""

ACCEPTED: Final = pl.Schema(
    {
        **POSITIONS,
        "key": pl.Binary(),
        "is_keyless": pl.Boolean(),
        "at": INSTANT,
        "is_timestamp_omitted": pl.Boolean(),
        "customer_no": pl.Int32(),
        "contract_no": pl.Int32(),
        "event_name": pl.String(),
        "idempotency_key": pl.String(),
        "properties": pl.String(),
        "version": pl.String(),
        "is_deleted": pl.Boolean(),
    }
)
"""One row per accepted row of a chunk."""

ACCEPTED_WITH_BYTES: Final = pl.Schema({**ACCEPTED, **BYTES})
"""One row per accepted row of a source whose conflicts are rejected: such a rejection needs the bytes of its row."""

REJECTED: Final = pl.Schema(
    {
        **POSITIONS,
        "code": pl.String(),
        "message": pl.String(),
        "field": pl.String(),
        "value": pl.String(),
        **BYTES,
    }
)
"""One row per rejected row of a chunk; ``field`` and ``value`` are null if the message names none."""
