"""Write the rows of an export: JSON lines, CSV and Parquet, compressed or not, and the cleaned rows for ``\\copy``."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Protocol, Self

import polars as pl
import pyarrow.parquet as pq

from flows.sources.reading.decompression import zstd

CLEANED_COLUMNS: Final = (
    "key", "at", "row", "file_id", "customer_no", "contract_no", "is_keyless", "is_timestamp_omitted", "is_deleted",
    "event_name", "idempotency_key", "record_version", "properties",
)  # fmt: skip
"""The columns of ``events``, in which the cleaned rows are given to ``psql``."""


def json_lines(rows: pl.DataFrame) -> pl.Series:
    """Each row as one JSON text of some 230 bytes."""
    text = pl.format(
        '{{"externalCustomerId":"{}","eventName":"{}","timestamp":"{}","idempotencyKey":"{}","properties":{}}}',
        "external_id",
        "event_name",
        _instant(),
        "key",
        _properties(),
    )
    return rows.select(text).to_series()


def cells(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows with a column for each field and property, in native types."""
    return rows.select(
        pl.col("external_id").alias("externalCustomerId"),
        pl.col("event_name").alias("eventName"),
        pl.col("at").alias("timestamp"),
        pl.col("key").alias("idempotencyKey"),
        pl.col("model", "region", "status", "tokens").name.prefix("properties."),
        (pl.col("latency") / 100).alias("properties.latency"),
    )


def cleaned_rows(counted: pl.DataFrame, *, first_row: int) -> pl.DataFrame:
    """Events that count as the rows of ``events``: numbers for customers and contracts, nothing left to decide."""
    return counted.select(
        "key",
        _instant().alias("at"),
        row=pl.int_range(first_row, first_row + pl.len()),
        file_id=pl.lit(1),
        customer_no=pl.col("customer") + 1,
        contract_no=pl.lit(None, dtype=pl.Int32),
        is_keyless=pl.lit("f"),
        is_timestamp_omitted=pl.lit("f"),
        is_deleted=pl.lit("f"),
        event_name="event_name",
        idempotency_key="key",
        record_version=pl.lit(None, dtype=pl.String),
        properties=_properties(),
    ).select(CLEANED_COLUMNS)


def _instant() -> pl.Expr:
    return pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")


def _properties() -> pl.Expr:
    return pl.format(
        '{{"model":"{}","region":"{}","status":{},"tokens":{},"latency":{}}}',
        "model",
        "region",
        "status",
        "tokens",
        pl.col("latency") / 100,
    )


class Spread:
    """The files of one format, each taking its share of the rows in their order."""

    def __init__(self, paths: Sequence[Path], kind: str, row_count: int) -> None:
        self.paths, self.kind = paths, kind
        self.share = -(-row_count // len(paths))
        self.written = 0
        self.sink: Sink | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.sink is not None:
            self.sink.close()

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows to the file they belong to, opening the next where one has its share."""
        while rows.height:
            number, written = divmod(self.written, self.share)
            if written == 0:
                if self.sink is not None:
                    self.sink.close()
                self.sink = open_sink(self.paths[number], self.kind)
            part, rows = rows.head(self.share - written), rows.slice(self.share - written)
            if self.sink is not None:
                self.sink.write(part)
            self.written += part.height


class Sink(Protocol):
    """One file being written."""

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


class TextSink:
    """JSON lines or CSV, through a compressor or not."""

    def __init__(self, out: BinaryIO | gzip.GzipFile | zstd.ZstdFile, *, is_csv: bool) -> None:
        self.out, self.is_csv = out, is_csv
        self.has_header = False

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows."""
        if not self.is_csv:
            self.out.write(json_lines(rows).str.join("\n").item().encode() + b"\n")
            return
        text = cells(rows.with_columns(at=_instant())).write_csv(include_header=not self.has_header)
        self.out.write(text.encode())
        self.has_header = True

    def close(self) -> None:
        """Finish the file."""
        self.out.close()


class ParquetSink:
    """A Parquet file, a row group a batch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer: pq.ParquetWriter | None = None

    def write(self, rows: pl.DataFrame) -> None:
        """Append rows."""
        table = cells(rows).to_arrow(compat_level=pl.CompatLevel.oldest())
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.path, table.schema, compression="zstd")
        self.writer.write_table(table)

    def close(self) -> None:
        """Finish the file."""
        if self.writer is not None:
            self.writer.close()


def open_sink(path: Path, kind: str) -> Sink:
    """A file of a format such as ``jsonl``, ``csv.gz`` or ``parquet``."""
    name, _, compression = kind.partition(".")
    if name == "parquet":
        return ParquetSink(path)
    out: BinaryIO | gzip.GzipFile | zstd.ZstdFile
    if compression == "gz":
        out = gzip.GzipFile(path, "wb", compresslevel=1)
    elif compression == "zst":
        out = zstd.ZstdFile(path, "wb")
    else:
        out = path.open("wb")
    return TextSink(out, is_csv=name == "csv")


def export_paths(folder: Path, kind: str, files: int) -> Iterator[Path]:
    if files == 1:
        yield folder / f"usage.{kind}"
        return
    (folder / kind).mkdir(exist_ok=True)
    for number in range(files):
        yield folder / kind / f"usage-{number:05}.{kind}"
