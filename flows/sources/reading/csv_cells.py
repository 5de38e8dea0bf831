"""Parse the cells of many CSV records at once into columns."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.csv

from flows.sources.reading.sniffing import UTF8_MARK

TEXT = pa.large_string()


class RaggedError(ValueError):
    """A record has more or fewer cells than the header."""


def columns(records: Sequence[bytes], *, names: Sequence[str], delimiter: bytes) -> pl.DataFrame:
    """Return a frame with one row per record: String columns, empty text for an empty cell.

    records: UTF-8 without carriage returns, regular as ``Grammar.regular`` says except for their number of cells.
    Raises RaggedError if a record has more or fewer cells than ``names``. Nobody needs to check that before: counting
    the delimiters of each record took a fifth of all reading.
    """
    if not records:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    text = b"\n".join(records)
    if text.startswith(UTF8_MARK):
        # Arrow drops a byte order mark at the beginning of its input. In the middle of a file it is a character.
        text = UTF8_MARK + text
    numbers = [str(index) for index in range(len(names))]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(text),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=len(text) + 1, column_names=numbers
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter.decode(),
                quote_char='"' if b'"' in text else False,
                newlines_in_values=b'"' in text,
                ignore_empty_lines=False,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(numbers, TEXT), strings_can_be_null=False, check_utf8=False
            ),
            # Arrow's own allocator returned memory after each block in some runs, which made reading 1.5 times as slow.
            memory_pool=pa.system_memory_pool(),
        )
    except pa.ArrowInvalid as error:
        raise RaggedError(str(error)) from error
    return pl.DataFrame({name: pl.from_arrow(table.column(index)) for index, name in enumerate(names)})


def columns_of_cells(records: Sequence[Sequence[bytes]], *, names: Sequence[str]) -> pl.DataFrame:
    """Return a frame with one row per record, for records that are split into cells already."""
    values = zip(*records, strict=True) if records else [() for _ in names]
    return pl.DataFrame(
        {
            name: pl.Series([cell.decode() for cell in column], dtype=pl.String)
            for name, column in zip(names, values, strict=True)
        }
    )
