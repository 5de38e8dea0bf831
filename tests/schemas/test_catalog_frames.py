"""The frames that a catalog is written from have the columns of the tables that they are copied to."""

from typing import Final

import polars as pl
import pytest
from sqlalchemy import Boolean, Date, DateTime, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from schemas.frames.catalog import CATALOG_CHANGES, PRICINGS_TO_WRITE, THINGS_TO_WRITE
from schemas.tables.catalog import catalog_changes
from schemas.tables.working import working

TYPES: Final = {
    Integer: pl.Int32(),
    Text: pl.String(),
    Boolean: pl.Boolean(),
    Date: pl.Date(),
    DateTime: pl.Datetime("us", "UTC"),
    JSONB: pl.String(),
}
PAIRS = [
    *((f"{kind}s", frame, working.tables[f"{kind}s_to_write"]) for kind, frame in THINGS_TO_WRITE.items()),
    ("pricings", PRICINGS_TO_WRITE, working.tables["pricings_to_write"]),
    ("changes", CATALOG_CHANGES, catalog_changes),
]


@pytest.mark.parametrize(("frame", "table"), [pair[1:] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_a_frame_has_the_columns_of_its_table(frame: pl.Schema, table: Table) -> None:
    """In the same order and with the same types; documents are JSON texts."""
    assert list(frame.items()) == [(column.name, TYPES[type(column.type)]) for column in table.columns]
