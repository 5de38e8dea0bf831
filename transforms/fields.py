"""What a source calls things, to what an event calls them."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from schemas.chunk import Chunk
from schemas.mapping import Mapping
from transforms.events import read_events


@dataclass(frozen=True)
class Fields:
    """The fields of a chunk's rows as texts, the unknown ones counted, and the untouched bytes of a row by its place."""

    rows: pl.DataFrame
    unknown: dict[str, int]
    raw: Callable[[int], bytes]


def map_fields(chunk: Chunk, *, mapping: Mapping, is_exact: bool = False) -> Fields:
    """One row per row of the chunk: the fields' columns as String, ``malformed``, ``unfit``, ``is_deleted``."""
    raws = chunk.raws or []
    unreadable = {place: bad.message for place, bad in chunk.malformed.items()}
    rows, unknown = read_events(raws, unreadable=unreadable, is_exact=is_exact)
    rows = rows.with_columns(version=pl.lit(None, pl.String), is_deleted=pl.lit(False))
    return Fields(rows=rows, unknown=dict(unknown), raw=raws.__getitem__)
