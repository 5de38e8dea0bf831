"""Load a file: read its rows, sift them and copy them into the staging table of the import, chunk by chunk.

The rows of a chunk, its rejections and its checkpoint commit in one transaction, so an interrupted load goes on from its
last chunk. Reading runs one chunk ahead of sifting, and sifting one chunk ahead of Postgres.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import polars as pl
from sqlalchemy import Connection, Engine, func, insert, select

from flows.catalog.read_catalog import CatalogFrames, catalog_frames
from flows.database.copy import copy_frame
from flows.database.import_lock import ImportLock, prove_lock
from flows.imports.begin import OpenImport
from flows.imports.endings import is_final
from flows.imports.listing import ImportFile
from flows.imports.set_aside import set_aside, take_again
from flows.output.progress import FileProgress
from flows.sources.files import Source, open_source
from flows.sources.reading import ChunkSize, read_chunks
from schemas.documents.mapping import Mapping
from schemas.errors import ConfigurationError, UsageImportError
from schemas.frames.chunk import Chunk
from schemas.tables.events import EVENT_COLUMNS, arrival_bytes, arrivals
from schemas.tables.imports import chunks, rejections
from transforms.rows.sift import Sifted, sift

JSONB_COLUMNS: Final = ("properties",)
REJECTION_COLUMNS: Final = (
    "row", "line", "byte_offset", "code", "message", "field", "value", "raw", "raw_length", "raw_sha256",
)  # fmt: skip


@dataclass(frozen=True)
class LoadOrder:
    """One file to load: the source of its rows, and what they are judged by."""

    import_id: int
    file_id: int
    source: Source
    mapping: Mapping
    clock: datetime
    chunk: ChunkSize


@dataclass(frozen=True)
class Checkpoint:
    """The point up to which a file is loaded: its last row, its rows, and the bytes of the source read for them."""

    last_row: int
    rows: int
    bytes_read: int


@dataclass(frozen=True)
class SiftedChunk:
    """A sifted chunk: its number of rows, the number of the last one, and the bytes of the source read so far."""

    rows: int
    last_row: int
    sifted: Sifted
    bytes_read: int
    ends_open: bool


Item = TypeVar("Item")


def load_import_file(
    engine: Engine,
    file: ImportFile,
    progress: FileProgress,
    *,
    opened: OpenImport,
    lock: ImportLock,
    chunk: ChunkSize,
) -> None:
    """Load one file of an import, going on from its last chunk.

    A file that cannot be read is set aside if the import asks for that; else raises its error.
    """
    with engine.connect() as connection:
        prove_lock(connection, lock, is_beside_others=True)
        if opened.is_resumed:
            take_again(connection, import_id=opened.import_id, file_id=file.file_id)
        catalog = catalog_frames(connection, import_id=opened.import_id)
        connection.commit()
        try:
            load_file(connection, load_order(opened, file, chunk), catalog, lock, progress=progress)
        except UsageImportError as error:
            if not (opened.set_aside and is_final(error)):
                raise
            connection.rollback()
            prove_lock(connection, lock, is_beside_others=True)
            set_aside(
                connection,
                import_id=opened.import_id,
                file_id=file.file_id,
                reason=str(error),
                keeps_bytes=opened.mapping.rejects_conflicts,
            )
            connection.commit()


def load_order(opened: OpenImport, file: ImportFile, chunk: ChunkSize) -> LoadOrder:
    """Return the order to load one file of an import in chunks of a size."""
    return LoadOrder(
        import_id=opened.import_id,
        file_id=file.file_id,
        source=file.source,
        mapping=opened.mapping,
        clock=opened.clock,
        chunk=chunk,
    )


def load_file(
    connection: Connection,
    order: LoadOrder,
    catalog: CatalogFrames,
    lock: ImportLock | None,
    *,
    progress: FileProgress,
) -> None:
    """Load what is left of a file into the staging table of its import.

    lock: proves before each chunk that no other import is at work; None for a check, which changes nothing.
    """
    done = checkpoint(connection, order)
    connection.commit()
    if done.rows:
        progress(done.rows, done.bytes_read, is_resumed=True)
    with open_source(order.source) as stream:
        chunked = read_chunks(stream, name=order.source.uri, after_row=done.last_row, chunk=order.chunk)
        for chunk in one_ahead(sifted_chunks(one_ahead(chunked), order, catalog)):
            with connection.begin():
                if lock is not None:
                    prove_lock(connection, lock, is_beside_others=True)
                write_chunk(connection, order, chunk)
            progress(chunk.rows, chunk.bytes_read)


def checkpoint(connection: Connection, order: LoadOrder) -> Checkpoint:
    """Return how far a file has been loaded already."""
    found = connection.execute(
        select(
            *(
                func.coalesce(of, 0)
                for of in (
                    func.max(chunks.c.last_row),
                    func.sum(chunks.c.rows),
                    func.max(chunks.c.bytes_read),
                )
            )
        ).where(chunks.c.import_id == order.import_id, chunks.c.file_id == order.file_id)
    )
    return Checkpoint(*found.one())


def sifted_chunks(
    chunked: Iterator[Chunk], order: LoadOrder, catalog: CatalogFrames
) -> Iterator[SiftedChunk]:
    """Yield each chunk of a file, sifted; raises ConfigurationError, with the file's name, if its mapping does not fit it."""
    for chunk in chunked:
        if chunk.positions.is_empty():
            continue
        try:
            sifted = sift(
                chunk,
                mapping=order.mapping,
                customers=catalog.customers,
                contracts=catalog.contracts,
                clock=order.clock,
            )
        except ConfigurationError as error:
            raise ConfigurationError(f"{order.source.uri}: {error}") from error
        yield SiftedChunk(
            rows=chunk.positions.height,
            last_row=chunk.positions["row"][-1],
            sifted=sifted,
            bytes_read=chunk.bytes_read,
            ends_open=chunk.ends_open,
        )


def event_frame(accepted: pl.DataFrame, file_id: int) -> pl.DataFrame:
    """Return accepted rows with the columns of the staging table."""
    return accepted.with_columns(
        pl.lit(file_id, dtype=pl.Int32).alias("file_id"), pl.col("version").alias("record_version")
    ).select(EVENT_COLUMNS)


def write_chunk(connection: Connection, order: LoadOrder, chunk: SiftedChunk) -> None:
    """Write the rows, rejections and checkpoint of a chunk within the caller's transaction."""
    accepted, rejected = chunk.sifted.accepted, chunk.sifted.rejections
    if not accepted.is_empty():
        rows = event_frame(accepted, order.file_id)
        copy_frame(connection, arrivals(order.import_id).name, rows, jsonb=JSONB_COLUMNS)
    if order.mapping.rejects_conflicts:
        copy_frame(connection, arrival_bytes(order.import_id).name, accepted_bytes(accepted, order.file_id))
    copy_frame(connection, rejections.name, rejection_frame(rejected, order))
    connection.execute(
        insert(chunks).values(
            import_id=order.import_id,
            file_id=order.file_id,
            last_row=chunk.last_row,
            bytes_read=chunk.bytes_read,
            rows=chunk.rows,
            rejected=rejected.height,
            keyless=accepted["is_keyless"].sum(),
            counts=chunk_counts(chunk.sifted) | {"ends_open": chunk.ends_open},
        )
    )


def accepted_bytes(accepted: pl.DataFrame, file_id: int) -> pl.DataFrame:
    """Return the original bytes of accepted rows, kept for those that a conflict will reject."""
    return accepted.select(
        pl.lit(file_id, dtype=pl.Int32).alias("file_id"),
        "row",
        "line",
        "byte_offset",
        "raw",
        "raw_length",
        "raw_sha256",
    )


def rejection_frame(rejected: pl.DataFrame, order: LoadOrder) -> pl.DataFrame:
    """Return rejections with the columns of their table."""
    return rejected.select(
        pl.lit(order.import_id, dtype=pl.Int32).alias("import_id"),
        pl.lit(order.file_id, dtype=pl.Int32).alias("file_id"),
        *REJECTION_COLUMNS,
    )


def chunk_counts(sifted: Sifted) -> dict[str, Any]:
    """Return what the ledger needs of a chunk beyond its rows: counts, warnings, and the UTC days of its events."""
    reasons = sifted.rejections.group_by("code").len()
    days = sifted.accepted.select(pl.col("at").dt.date().unique().sort())["at"]
    return asdict(sifted.counts) | {
        "rejected_by_reason": dict(reasons.iter_rows()),
        "warnings": sifted.warnings,
        "days": [day.isoformat() for day in days],
    }


def one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the same items, each made in a thread while the one before it is in use."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        next_item = pool.submit(next, items, None)
        while (item := next_item.result()) is not None:
            next_item = pool.submit(next, items, None)
            yield item
