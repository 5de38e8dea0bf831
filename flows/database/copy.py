"""Copy frames into Postgres tables by binary ``COPY``."""

from collections.abc import Iterator
from typing import Final

import polars as pl
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import Connection as PsycopgConnection
from psycopg import sql
from sqlalchemy import Connection

JSONB_VERSION: Final = "\x01"
"""The first byte of a jsonb value in binary form."""

ROWS_AT_ONCE: Final = 10_000
"""Rows encoded at a time; 100,000 took three times as long, because memory was allocated anew for each chunk."""


def copy_frame(
    connection: Connection, table: str, frame: pl.DataFrame, *, jsonb: tuple[str, ...] = ()
) -> None:
    """Append a frame to a table, in the transaction of the connection.

    The columns of the same names must have the types of the frame: binaries of 16 bytes are uuids, and texts of the columns
    in `jsonb` are JSON.
    """
    if frame.is_empty():
        return
    driver = connection.connection.driver_connection
    if not isinstance(driver, PsycopgConnection):
        raise TypeError(f"COPY needs psycopg, not {type(driver).__name__}")
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in _encoded(frame, jsonb):
            copy.write(piece)


def _encoded(frame: pl.DataFrame, jsonb: tuple[str, ...]) -> Iterator[bytes]:
    """Yield the bytes of one binary ``COPY`` in pieces."""
    prefixed = [pl.lit(JSONB_VERSION).add(pl.col(name)).alias(name) for name in jsonb]

    def arrow(rows: pl.DataFrame) -> pa.Table:
        return rows.with_columns(prefixed).to_arrow(compat_level=pl.CompatLevel.oldest())

    encoder = ArrowToPostgresBinaryEncoder(arrow(frame.clear()).schema)
    yield encoder.write_header()
    for rows in frame.iter_slices(ROWS_AT_ONCE):
        yield from map(encoder.write_batch, arrow(rows).to_batches())
    yield encoder.finish()
