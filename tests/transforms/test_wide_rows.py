"""Rows of many columns give the same properties, in time that grows with the columns and no faster."""

import json
import time

import polars as pl
import pytest

from schemas.documents.mapping import Mapping, Property
from schemas.frames.chunk import Chunk
from transforms.rows.cells import BLOCK_COLUMNS
from transforms.rows.fields import Fields, map_fields

WIDTH = 3 * BLOCK_COLUMNS
COLUMNS = [f"p{index}" for index in range(WIDTH)]


def fields_of(columns: dict[str, list[str]], mapping: Mapping) -> Fields:
    """Return the fields of rows of CSV with these cells."""
    height = len(next(iter(columns.values())))
    cells = pl.DataFrame(columns | {"eventName": ["call"] * height})
    nulls = pl.Series([None] * len(cells), dtype=pl.Int64)
    positions = pl.DataFrame(
        {"row": pl.int_range(1, len(cells) + 1, eager=True), "line": nulls, "byte_offset": nulls}
    )
    chunk = Chunk(positions=positions, raws=[b""] * len(cells), cells=cells, malformed={}, bytes_read=0)
    return map_fields(chunk, mapping=mapping)


def test_each_cell_of_a_wide_row_becomes_its_property() -> None:
    """Properties keep the order of the columns, wherever the empty cells are; a row without cells has none."""
    rows = [
        {name: str(at) for at, name in enumerate(COLUMNS)},
        {"p1": "a", f"p{WIDTH - 1}": 'b"'},
        {f"p{BLOCK_COLUMNS + 1}": "c"},
        {},
    ]
    found = fields_of(
        {name: [row.get(name, "") for row in rows] for name in COLUMNS}, Mapping(properties="rest")
    )
    texts = found.rows["properties"].to_list()
    assert texts[3] is None
    assert [list(json.loads(text)) for text in texts[:3]] == [list(row) for row in rows[:3]]
    assert [json.loads(text) for text in texts[1:3]] == rows[1:3]


def test_the_first_flaw_of_a_wide_row_is_named() -> None:
    """Of several properties that do not fit their types, the first one of the mapping is named, whichever cells come later."""
    first, last = f"p{BLOCK_COLUMNS + 5}", f"p{WIDTH - 1}"
    mapping = Mapping(properties={name: Property(column=name, type="number") for name in COLUMNS})
    broken = {first: ["1", "x"], last: ["y", "z"]}
    found = fields_of({name: broken.get(name, ["1", "1"]) for name in COLUMNS}, mapping)
    assert found.rows["properties_name"].to_list() == [last, first]
    assert found.rows["properties_flaw"].to_list() == [f'"{last}" is no number', f'"{first}" is no number']


@pytest.mark.parametrize(
    "mapping", [Mapping(properties="rest"), Mapping()], ids=["the rest", "columns of properties"]
)
def test_time_grows_with_the_columns_and_no_faster(mapping: Mapping) -> None:
    """A row with eight times as many columns takes at most twice as long for each of them."""

    def seconds(width: int) -> float:
        columns = {f"properties.p{index}": [str(index)] for index in range(width)}
        begun = time.process_time()
        fields_of(columns, mapping)
        return time.process_time() - begun

    seconds(10)
    assert seconds(4_800) < 16 * seconds(600)
