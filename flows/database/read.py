"""Read rows of Postgres as a frame or in lists of a given size, and compare a column with many values."""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
from sqlalchemy import ARRAY, Column, ColumnElement, Connection, any_, literal, text


def is_one_of(column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values.

    The values are one array parameter, because a statement has at most 65,535 parameters.
    """
    return column == any_(literal(list(values), ARRAY(column.type)))


def read_frame(connection: Connection, statement: str, schema: pl.Schema, **values: Any) -> pl.DataFrame:
    """Return the rows of a statement as a frame; its columns are those of the schema, in that order."""
    rows = connection.execute(text(statement), values)
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def read_batches(
    connection: Connection, statement: str, values: dict[str, Any], *, size: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a statement as dicts, in lists of at most `size`; no more are in memory at a time."""
    result = connection.execute(text(statement).execution_options(yield_per=size), values)
    # mappings() forgets yield_per: partitions() without a size would fetch all rows at once.
    return ([dict(row) for row in part] for part in result.mappings().partitions(size))
