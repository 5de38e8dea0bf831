"""CSV cells: many records at once, as columns."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
import pyarrow.csv

from flows.sources.reading.sniffing import UTF8_MARK

TEXT = pa.large_string()


class RaggedError(ValueError):
    """A record is not as wide as the header."""


def columns(records: Sequence[bytes], *, names: Sequence[str], delimiter: bytes) -> pl.DataFrame:
    """One row per record: String columns, empty text for an empty cell.

    records: sound UTF-8, regular (``Grammar.regular``) but for their width, without carriage returns.
    Raises RaggedError where one is not as wide as ``names``: to count the delimiters of each row took a fifth of all reading.
    """
    if not records:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    text = b"\n".join(records)
    if text.startswith(UTF8_MARK):
        # Arrow leaves one out at the beginning of what it is given, which is the middle of a file: there it is a character.
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
            # Arrow's own allocator gave memory back after each block in some runs, which took half as long again.
            memory_pool=pa.system_memory_pool(),
        )
    except pa.ArrowInvalid as error:
        raise RaggedError(str(error)) from error
    return pl.DataFrame({name: pl.from_arrow(table.column(index)) for index, name in enumerate(names)})


def columns_of_cells(records: Sequence[Sequence[bytes]], *, names: Sequence[str]) -> pl.DataFrame:
    """One row per record that is split into cells already."""
    values = zip(*records, strict=True) if records else [() for _ in names]
    return pl.DataFrame(
        {
            name: pl.Series([cell.decode() for cell in column], dtype=pl.String)
            for name, column in zip(names, values, strict=True)
        }
    )
