"""Read Parquet in runs of rows, in the types that the file declares."""

from collections import Counter
from collections.abc import Iterator
from os import SEEK_END
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from flows.sources.reading.runs import Run
from schemas.errors import UsageImportError
from transforms.values.text import quoted, visible

MAGIC = b"PAR1"
"""The first bytes of a Parquet file."""

BATCH_ROWS = 16_384
BUFFER_BYTES = 1024 * 1024


def is_supported(kind: pa.DataType) -> bool:
    """Return whether a column's values are single cells that a mapping can take."""
    if pa.types.is_dictionary(kind):
        return is_supported(kind.value_type)
    if pa.types.is_decimal(kind):
        return bool(kind.precision <= 38)
    return any(test(kind) for test in SUPPORTED)


SUPPORTED = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_timestamp,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_string,
    pa.types.is_large_string,
)


def read_parquet(stream: BinaryIO, *, name: str, after_row: int) -> Iterator[Run]:
    """Yield runs of the rows; the rows of a group that ends by ``after_row`` have no cells and cost nothing.

    Raises UsageImportError for a column that no mapping can take, and nearly anything if the file is damaged: errors of
    Arrow, OSError, MemoryError, a panic of polars.
    """
    try:
        file = pq.ParquetFile(
            stream, pre_buffer=False, buffer_size=BUFFER_BYTES, coerce_int96_timestamp_unit="us"
        )
        _check_columns(file.schema_arrow, name)
        first = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if first + rows <= after_row:
                yield _run(pl.DataFrame(height=rows))
            else:
                for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group], use_threads=False):
                    yield _run(_plain(pl.DataFrame(pl.from_arrow(_sound(batch)))))
            first += rows
        # A changed file is noticed at its end (see PinnedFile), which no row group reads.
        stream.seek(0, SEEK_END)
        stream.read(1)
    except UnicodeDecodeError as error:
        raise UsageImportError(
            f"{name}: the name of a column is not UTF-8 ({quoted(error.object)}); rename it"
        ) from error


def _check_columns(schema: pa.Schema, name: str) -> None:
    """Raise UsageImportError for a column of an unsupported type, or two columns of one name."""
    repeated = _first_repeated(schema.names)
    for column in schema:
        if not is_supported(column.type):
            raise UsageImportError(
                f"{name}: column {column.name!r} has the type {visible(str(column.type))}, which no field or property can take; "
                "write it as a text, a number, a truth or a time, or leave it out"
            )
    if repeated is not None:
        raise UsageImportError(f"{name}: there are two columns {repeated!r}; rename one of them")


def _first_repeated(names: list[str]) -> str | None:
    """Return the first name that occurs again later, or None."""
    counts = Counter(names)
    return next((name for name in names if counts[name] > 1), None)


def _sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch as polars can take it: timestamps in UTC, values for dictionaries, and columns with broken text as bytes."""
    columns = [_sound_column(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _sound_column(column: pa.Array) -> pa.Array:
    """Return a column of timestamps in UTC, a column with broken text as bytes, and any other column as it is."""
    if pa.types.is_dictionary(column.type):
        # polars panics at an index beyond the dictionary, which a damaged page can hold; Arrow raises an error.
        column.validate(full=True)
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(pa.timestamp(kind.unit, "UTC"))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            return column.cast(pa.large_binary())
    return column


def _plain(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the cells with half floats replaced by floats."""
    halves = [column for column, kind in cells.schema.items() if kind == pl.Float16]
    return cells.with_columns(pl.col(*halves).cast(pl.Float32)) if halves else cells


def _run(cells: pl.DataFrame) -> Run:
    """Return the cells as a run; rows of Parquet have no lines, offsets or raw bytes."""
    nulls = pl.Series(pl.repeat(None, len(cells), dtype=pl.Int64, eager=True))
    return Run(lines=nulls, offsets=nulls, raws=None, size=int(cells.estimated_size()), cells=cells)
