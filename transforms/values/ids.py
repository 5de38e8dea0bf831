"""Ids: when two of them are the same. They are where they are equal; in UUIDs letter case does not count."""

import re
from typing import Final

import polars as pl

UUID: Final = r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
"""For the regular expressions of Python, polars and Postgres alike."""

UUID_LENGTH: Final = 36

_UUID = re.compile(UUID)


def identity(id_: str) -> str:
    """Two ids are the same exactly where these are equal."""
    return id_.lower() if len(id_) == UUID_LENGTH and _UUID.match(id_) else id_


def identities(name: str) -> pl.Expr:
    """The identity of each id in a column."""
    text = pl.col(name)
    is_uuid = (text.str.len_bytes() == UUID_LENGTH) & text.str.contains(UUID)
    return pl.when(is_uuid).then(text.str.to_lowercase()).otherwise(text)


def is_same_id(column: str, value: str) -> str:
    """As SQL, whether a column and a parameter are the same id; the names are pasted, so they are our own."""
    is_uuid = f"cast({value} as text) ~ '{UUID}'"
    return f"({column} = {value} or ({is_uuid} and lower({column}) = lower({value})))"


SHORTENED: Final = r"^[+-]?[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}$"
"""A long number as a spreadsheet shortens it."""

PLACEHOLDERS: Final = ("null", "none", "undefined", "nil", "nan", "n/a", "unknown")
ZEROS: Final = r"^[0-]*0[0-]*$"


def is_placeholder(text: str) -> bool:
    """Whether an id looks as if it stood for none."""
    return text.lower() in PLACEHOLDERS or re.match(ZEROS, text) is not None


def is_shortened(text: str) -> bool:
    """Whether an id looks like a long number that a spreadsheet has rounded."""
    return re.match(SHORTENED, text) is not None
