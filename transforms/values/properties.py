"""Check properties: a flat object of texts, numbers and booleans that Postgres can store, or the flaw that says why not."""

import re
from functools import lru_cache
from typing import Any

import polars as pl

from transforms.values.json import (
    Members,
    NotJsonError,
    Number,
    has_lone_surrogate,
    parse_sound,
    parse_text,
    quote,
    write,
)
from transforms.values.numbers import DIGIT_LIMIT, JSON_NUMBER, plain_decimal
from transforms.values.text import cut

_PLAIN_TEXT = r'"[^"\\\x00-\x1f]*"'
_PLAIN_MEMBER = rf"{_PLAIN_TEXT}: ?(?:{_PLAIN_TEXT}|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|true|false)"
PLAIN_OBJECT = rf"^\{{(?:{_PLAIN_MEMBER}(?:, ?{_PLAIN_MEMBER})*)?\}}$"
"""Properties without escapes and exponents, as most exports have them; matching this takes half of the time of FLAT_OBJECT."""

_TEXT = r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
_SPACE = r"[ \t\r\n]*"
_MEMBER = rf"{_SPACE}{_TEXT}{_SPACE}:{_SPACE}(?:{_TEXT}|{JSON_NUMBER}|true|false){_SPACE}"
FLAT_OBJECT = rf"^\{{(?:{_MEMBER}(?:,{_MEMBER})*|{_SPACE})\}}$"
_SUSPECT = r"\\u0000|[eE][+-]?[0-9]{3}"
"""An escape that is refused, an exponent that may be too large, or a text that looks like either."""

_SHORT_BYTES = 800
"""The bytes of properties in which no number with a two-digit exponent can exceed ``DIGIT_LIMIT``."""


def check_properties(frame: pl.DataFrame) -> pl.DataFrame:
    """Check ``properties`` (String, null if absent, which becomes ``{}``), and set ``properties_flaw`` and ``properties_name``.

    The flaw is null if there is none; else it has words such as ``"a" is null``, and the name is that of the property, if
    it is a property's flaw. A flaw found before stays.
    """
    texts = frame["properties"]
    is_short = texts.str.len_bytes() <= _SHORT_BYTES
    rest = texts.filter(~(texts.str.contains(PLAIN_OBJECT) & is_short)).unique().drop_nulls()
    suspects = rest.filter(~_is_sound(rest))
    frame = frame.with_columns(pl.col("properties").fill_null("{}"))
    if not len(suspects):
        return frame
    examined = pl.DataFrame(
        [(text, *_examine(text)) for text in suspects],
        schema=dict.fromkeys(("properties", "exact", "flaw", "name"), pl.String),
        orient="row",
    )
    is_new = pl.col("properties_flaw").is_null()
    return (
        frame.join(examined, on="properties", how="left", maintain_order="left")
        .with_columns(
            properties=pl.coalesce("exact", "properties"),
            properties_flaw=pl.coalesce("properties_flaw", "flaw"),
            properties_name=pl.when(is_new).then("name").otherwise("properties_name"),
        )
        .drop("exact", "flaw", "name")
    )


def _is_sound(texts: pl.Series) -> pl.Series:
    """Return whether each text is surely a flat object that Postgres can store."""
    is_flat = texts.str.contains(FLAT_OBJECT) & (texts.str.len_bytes() <= _SHORT_BYTES)
    return is_flat & ~texts.str.contains(_SUSPECT) & ~has_lone_surrogate(texts)


def canonical_properties(text: str) -> str:
    """Return the one spelling of checked properties: names by code point, plain numbers, no spaces.

    Two spellings are equal exactly if the JSON values are.
    """
    members = parse_sound(text)
    return "{" + ",".join([f"{_name(name)}:{_canonical(members[name])}" for name in sorted(members)]) + "}"


_quoted_once = lru_cache(maxsize=10_000)(quote)
_SHORT = 64
_NAME_SHOWN = 60


def _name(name: str) -> str:
    return _quoted_once(name) if len(name) <= _SHORT else quote(name)


def _canonical(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return quote(value)
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    plain = plain_decimal(value)
    assert plain is not None  # noqa: S101 - larger numbers have been rejected
    return plain


def _examine(text: str) -> tuple[str | None, str | None, str | None]:
    """Return the text to use instead of this one, or the flaw and the name of the property that has it."""
    try:
        value = parse_text(text)
    except NotJsonError as error:
        return None, str(error), None
    if not isinstance(value, Members):
        return None, f"it is {_kind(value)}", None
    for name, member in value.items():
        flaw = _flaw(name, member)
        if flaw is not None:
            return None, f"{quote(cut(name, _NAME_SHOWN))} {flaw}", name
    is_as_written = not value.has_repeats and not any(_is_long(member) for member in value.values())
    return None if is_as_written else _rewritten(value), None, None


def _flaw(name: str, value: object) -> str | None:
    if "\0" in name or (isinstance(value, str) and "\0" in value):
        return "holds U+0000"
    if isinstance(value, Number) and plain_decimal(value) is None:
        return f"has more than {DIGIT_LIMIT:,} digits on a side of the point"
    return None if isinstance(value, str | bool) else f"is {_kind(value)}"


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"


_LONG_NUMBER = re.compile(rf".{{{DIGIT_LIMIT},}}|.*[eE][+-]?0*[1-9][0-9]{{3}}")


def _is_long(value: object) -> bool:
    """Return whether Postgres might refuse the spelling of a number within bounds, such as ``0e999999``."""
    return isinstance(value, Number) and _LONG_NUMBER.match(value) is not None


def _rewritten(members: Members) -> str:
    """Return the members with each name once, and with long spellings of numbers plain."""
    pairs = (
        f"{quote(name)}:{_canonical(value) if _is_long(value) else write(value)}"
        for name, value in members.items()
    )
    return "{" + ",".join(pairs) + "}"
