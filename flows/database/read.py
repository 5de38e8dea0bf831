"""Fetching: what is asked of Postgres for many things at once, and its rows as a frame or some at a time."""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl
from sqlalchemy import ARRAY, Column, ColumnElement, Connection, any_, literal, text


def is_one_of(column: Column[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column holds one of the values; they are one parameter, of which a statement has 65,535 at most."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def read_frame(connection: Connection, statement: str, schema: pl.Schema, **values: Any) -> pl.DataFrame:
    """The rows of a statement as a frame; their columns are the schema's, in its order."""
    rows = connection.execute(text(statement), values)
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def read_batches(
    connection: Connection, statement: str, values: dict[str, Any], *, size: int
) -> Iterator[list[dict[str, Any]]]:
    """The rows of a statement, so many at a time in memory."""
    result = connection.execute(text(statement).execution_options(yield_per=size), values)
    return ([dict(row) for row in part] for part in result.mappings().partitions(size))
