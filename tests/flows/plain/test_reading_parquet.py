"""Parquet is read in the types that the file declares."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.sources.files import list_sources, open_source
from flows.sources.reading import ChunkSize, read_chunks
from schemas.errors import UsageImportError


def parquet(columns: dict[str, pa.Array], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def test_types_are_kept() -> None:
    """Decimals, integers beyond doubles, and times with and without a zone keep their values; null stays null."""
    moment = datetime(2026, 1, 1, 12, 0, 0, 123456)
    text = parquet(
        {
            "text": pa.array(["é", None, ""]),
            "packed": pa.array(["a", "b", "a"]).dictionary_encode(),
            "whole": pa.array([2**63 - 1, None, -1]),
            "unsigned": pa.array([2**64 - 1, None, 0], pa.uint64()),
            "exact": pa.array(
                [Decimal("0.1"), None, Decimal("12345678901234567890.5")], pa.decimal128(38, 10)
            ),
            "double": pa.array([0.1, None, float("nan")]),
            "truth": pa.array([True, None, False]),
            "naive": pa.array([moment, None, moment], pa.timestamp("us")),
            "aware": pa.array([moment.replace(tzinfo=UTC), None, None], pa.timestamp("ns", "UTC")),
            "nothing": pa.nulls(3),
        }
    )
    (chunk,) = read_chunks(io.BytesIO(text), name="x.parquet")
    assert chunk.raws is None
    assert chunk.cells is not None
    assert chunk.cells.schema == {
        "text": pl.String,
        "packed": pl.String,
        "whole": pl.Int64,
        "unsigned": pl.UInt64,
        "exact": pl.Decimal(38, 10),
        "double": pl.Float64,
        "truth": pl.Boolean,
        "naive": pl.Datetime("us"),
        "aware": pl.Datetime("ns", "UTC"),
        "nothing": pl.Null,
    }
    assert chunk.cells["whole"].to_list() == [2**63 - 1, None, -1]
    assert chunk.cells["exact"].to_list() == [Decimal("0.1"), None, Decimal("12345678901234567890.5")]
    assert chunk.positions.rows() == [(1, None, None), (2, None, None), (3, None, None)]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "-"])
@pytest.mark.parametrize("after_row", [0, 1, 999, 1000, 1001, 4999, 5000])
def test_row_groups_and_sizes_never_show(name: str, after_row: int) -> None:
    """Row groups and chunk sizes do not change the order of rows, and resuming reads the rest."""
    text = parquet({"n": pa.array(range(5000))}, row_group_size=1000)
    chunks = list(read_chunks(io.BytesIO(text), name=name, chunk=ChunkSize(rows=700), after_row=after_row))
    assert [n for chunk in chunks for n in chunk.cells["n"]] == list(range(after_row, 5000))  # type: ignore[index]
    assert [n for chunk in chunks for n in chunk.positions["row"]] == list(range(after_row + 1, 5001))


def test_a_stream_that_cannot_be_sought_in_is_read() -> None:
    """Parquet from a pipe is copied to a temporary file."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: Any) -> int:
            raise io.UnsupportedOperation

    text = parquet({"n": pa.array(range(10))})
    (chunk,) = read_chunks(Pipe(text), name="-")
    assert chunk.cells is not None
    assert chunk.cells["n"].to_list() == list(range(10))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"p": pa.array([{"a": 1}])}, "column 'p' has the type struct<a: int64>"),
        ({"p": pa.array([[1]])}, "column 'p' has the type list"),
        ({"p": pa.array([b"\xff"])}, "column 'p' has the type binary"),
        ({"p": pa.array([1], pa.duration("s"))}, "column 'p' has the type duration"),
    ],
)
def test_a_column_of_an_unsupported_type_is_refused(columns: dict[str, pa.Array], message: str) -> None:
    """The message names the nested or binary column and the way out."""
    with pytest.raises(UsageImportError, match="; write it as a text") as refused:
        list(read_chunks(io.BytesIO(parquet(columns)), name="x.parquet"))
    assert message in str(refused.value)


def test_two_columns_of_one_name_are_refused() -> None:
    """The message names the column that occurs twice."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), out)
    with pytest.raises(UsageImportError, match="two columns 'a'"):
        list(read_chunks(io.BytesIO(out.getvalue()), name="x.parquet"))


def test_a_cut_file_is_refused() -> None:
    """A Parquet file without its end is refused."""
    text = parquet({"n": pa.array(range(1000))})
    with pytest.raises(UsageImportError, match=r"x\.parquet: not readable as Parquet"):
        list(read_chunks(io.BytesIO(text[:-20]), name="x.parquet"))


def test_an_empty_file_has_no_rows() -> None:
    """A file without rows gives no row and no error."""
    text = parquet({"n": pa.array([], pa.int64())})
    assert list(read_chunks(io.BytesIO(text), name="x.parquet")) == []


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """A file that is overwritten by one of the same size raises an error; an unchanged one does not."""
    path = tmp_path / "x.parquet"
    versions = [parquet({"n": pa.array([version] * 40_000)}) for version in (1, 2)]
    assert len(versions[0]) == len(versions[1])
    for written in versions:
        path.write_bytes(versions[0])
        (source,) = list_sources([str(path)])
        with open_source(source) as stream:
            chunks = read_chunks(stream, name=source.uri, chunk=ChunkSize(rows=16_384))
            next(chunks)
            if written == versions[0]:
                assert sum(len(chunk.positions) for chunk in chunks) == 40_000 - 16_384
                continue
            path.write_bytes(written)
            with pytest.raises(UsageImportError, match="changed while it was read"):
                list(chunks)


def test_a_column_with_broken_text_is_bytes() -> None:
    """A chunk with a text that is not UTF-8 has the column as bytes, even if its other batches are sound.

    Arrow itself refuses a dictionary with broken text.
    """
    offsets = pa.array([0, 3, 4], pa.int32()).buffers()[1]
    broken = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"a\xed\xa0b"))
    packed = pa.DictionaryArray.from_arrays(pa.array([0, 1]), broken)
    out = io.BytesIO()
    tables = [pa.table({"t": pa.array(["é", "x"])}), pa.table({"t": broken})]
    pq.write_table(pa.concat_tables(tables), out, row_group_size=2)
    (chunk,) = read_chunks(io.BytesIO(out.getvalue()), name="x.parquet")
    assert chunk.cells is not None
    assert chunk.cells["t"].to_list() == ["é".encode(), b"x", b"a\xed\xa0", b"b"]
    with pytest.raises(UsageImportError, match="Invalid UTF8"):
        list(read_chunks(io.BytesIO(parquet({"t": packed})), name="x.parquet"))


@pytest.mark.parametrize("zone", ["+05:30", "-0930", "Z", "Foo/Bar", "Asia/Kolkata"])
def test_an_instant_is_one_whatever_zone_it_is_shown_in(zone: str) -> None:
    """The zone of a column, known here or not, changes only how its instants are displayed."""
    text = parquet({"t": pa.array([1_769_914_800_123_456], pa.timestamp("us", zone))})
    (chunk,) = read_chunks(io.BytesIO(text), name="x.parquet")
    assert chunk.cells is not None
    assert chunk.cells["t"].to_list() == [datetime(2026, 2, 1, 3, 0, 0, 123456, tzinfo=UTC)]
