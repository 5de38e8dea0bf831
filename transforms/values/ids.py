"""Ids: when two of them are the same, and when one looks wrong.

Two ids are the same if they are equal; in UUIDs letter case does not count.
"""

import re
from typing import Final

import polars as pl

UUID: Final = r"^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
"""A UUID, for the regular expressions of Python, polars and Postgres alike."""

UUID_LENGTH: Final = 36

_UUID = re.compile(UUID)


def identity(id_: str) -> str:
    """Return the text that is equal for two ids exactly if they are the same."""
    return id_.lower() if len(id_) == UUID_LENGTH and _UUID.match(id_) else id_


def identities(name: str) -> pl.Expr:
    """Return the identity of each id in a column."""
    text = pl.col(name)
    is_uuid = (text.str.len_bytes() == UUID_LENGTH) & text.str.contains(UUID)
    return pl.when(is_uuid).then(text.str.to_lowercase()).otherwise(text)


def is_same_id(column: str, value: str) -> str:
    """Return SQL for whether a column and a parameter are the same id; both names become part of the SQL as they are."""
    is_uuid = f"cast({value} as text) ~ '{UUID}'"
    return f"({column} = {value} or ({is_uuid} and lower({column}) = lower({value})))"


_SHORTENED: Final = r"^[+-]?[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}$"
_PLACEHOLDERS: Final = ("null", "none", "undefined", "nil", "nan", "n/a", "unknown")
_PLACEHOLDER_BYTES: Final = max(map(len, _PLACEHOLDERS))
_ZEROS: Final = r"^[0-]*0[0-]*$"


def is_shortened(id_: str) -> bool:
    """Return whether an id looks like a long number that a spreadsheet has rounded."""
    return re.match(_SHORTENED, id_) is not None


def has_shortened(ids: pl.Series) -> bool:
    """Return whether one of the ids is shortened as ``is_shortened`` says."""
    return bool(ids.str.contains(_SHORTENED).any())


def is_placeholder(id_: str) -> bool:
    """Return whether an id looks like a placeholder for no id."""
    return id_.lower() in _PLACEHOLDERS or re.match(_ZEROS, id_) is not None


def placeholders(ids: pl.Series) -> list[str]:
    """Return the placeholders among the ids, sorted: words in lower case, and ``zeros``.

    Zeros are looked for among ids no longer than a UUID only.
    """
    short = ids.filter(ids.str.len_bytes() <= _PLACEHOLDER_BYTES).str.to_lowercase()
    found = set(short.filter(short.is_in(_PLACEHOLDERS)).unique())
    if ids.filter(ids.str.len_bytes() <= UUID_LENGTH).str.contains(_ZEROS).any():
        found.add("zeros")
    return sorted(found)
