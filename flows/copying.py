"""Frames into Postgres tables, through binary ``COPY``."""

from typing import Final

import polars as pl
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import Connection as PsycopgConnection
from psycopg import sql
from sqlalchemy import Connection

JSONB_VERSION: Final = "\x01"
"""The byte that the binary form of a jsonb value starts with."""


def encode(frame: pl.DataFrame, *, jsonb: tuple[str, ...] = ()) -> bytes:
    """A frame as the bytes of one binary ``COPY``; texts of the `jsonb` columns are JSON, 16-byte binaries are uuids."""
    prefixed = frame.with_columns(pl.lit(JSONB_VERSION).add(pl.col(name)).alias(name) for name in jsonb)
    table = prefixed.to_arrow(compat_level=pl.CompatLevel.oldest())
    encoder = ArrowToPostgresBinaryEncoder(table.schema)
    parts = [encoder.write_header()]
    parts += [encoder.write_batch(batch) for batch in table.to_batches()]
    parts.append(encoder.finish())
    return b"".join(parts)


def copy_frame(
    connection: Connection, table: str, frame: pl.DataFrame, *, jsonb: tuple[str, ...] = ()
) -> None:
    """Append a frame to a table whose columns of the same names have the frame's types, within the transaction."""
    if not frame.is_empty():
        copy_bytes(connection, table, tuple(frame.columns), encode(frame, jsonb=jsonb))


def copy_bytes(connection: Connection, table: str, columns: tuple[str, ...], encoded: bytes) -> None:
    """Append what :func:`encode` made to a table, within the connection's transaction."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, PsycopgConnection):
        raise TypeError(f"COPY needs psycopg, not {type(driver).__name__}")
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(encoded)
