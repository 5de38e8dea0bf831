"""Read and write JSON exactly: numbers keep their text, and broken text is refused with its byte offset."""

import json
import re
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any, Final

import msgspec
import polars as pl

DEPTH_LIMIT = 64
"""The objects and lists that may be nested in one another, the outermost included."""

_STRING_OR = r'"(?:[^"\\]|\\.)*"|'
_BRACKETS = re.compile(_STRING_OR + r"([\[{])|([\]}])", re.DOTALL)
_CONSTANTS = re.compile(_STRING_OR + r"(-?Infinity|NaN)", re.DOTALL)
_SURROGATES = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_WHOLE_OR_BACKSLASH = r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def has_lone_surrogate(texts: pl.Series) -> pl.Series:
    """Return whether each text has the escape of half a surrogate pair; null stays null. The texts need not be JSON."""
    is_suspect = texts.str.contains(_ESCAPED_SURROGATE.pattern)
    places = is_suspect.arg_true()
    if not len(places):
        return is_suspect
    halves = texts.gather(places).str.replace_all(_WHOLE_OR_BACKSLASH, "")
    return is_suspect.scatter(places, halves.str.contains(_ESCAPED_SURROGATE.pattern))


_EXACT_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_EXACT_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_SORTED_ENCODER: Final = msgspec.json.Encoder(decimal_format="number", order="sorted")


def decode_exact(text: str) -> Any:
    """Return the value of a JSON text; numbers are int or Decimal with all their digits."""
    return _EXACT_DECODER.decode(text)


def encode_exact(value: Any) -> str:
    """Return a value as compact JSON; a Decimal becomes a number with all its digits."""
    return _EXACT_ENCODER.encode(value).decode()


def encode_sorted(value: Any) -> bytes:
    """Return a value as compact JSON with sorted names: equal texts are equal values, other ones need a closer look."""
    return _SORTED_ENCODER.encode(value)


class NotJsonError(ValueError):
    """A text that is no JSON; the message says why, with the byte offset."""


class Number(str):
    """A JSON number as its text."""

    __slots__ = ()


class Members(dict[str, Any]):
    """A JSON object in which the last of equal names counts; ``has_repeats`` says whether there were any."""

    has_repeats = False


def parse(text: bytes) -> Any:
    """Return the value of a JSON text: Members, list, str, Number, bool or None.

    Raises NotJsonError if it is broken, is not UTF-8, holds a lone surrogate or is nested too deeply.
    """
    return parse_text(_decoded(text))


def parse_text(text: str) -> Any:
    """Return the value of a JSON text, as ``parse`` does of bytes."""
    _refuse_depth(text)
    try:
        value = json.loads(
            text, parse_int=Number, parse_float=Number, parse_constant=_refuse, object_pairs_hook=_members
        )
    except json.JSONDecodeError as error:
        words = error.msg.removesuffix(" at")
        raise _not_json(words[0].lower() + words[1:], text, error.pos) from None
    except _ConstantError:
        raise _constant(text) from None
    _refuse_lone_surrogate(text)
    return value


def parse_sound(text: str | bytes) -> dict[str, Any]:
    """Return the members of an object that is known to be sound JSON: int, Number, str, bool, None, list or dict.

    Much faster than ``parse``, but it finds no lone surrogate, and a whole number must not be too long for Python.
    """
    return _SOUND_DECODER.decode(text)


def write(value: Any) -> str:
    """Return a value of ``parse`` as compact JSON; numbers keep their text."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quote(name)}:{write(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    if isinstance(value, str):
        return quote(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def quote(text: str) -> str:
    """Return a text as a JSON string."""
    return encode_basestring(text)


_SOUND_DECODER: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Number)


class _ConstantError(Exception):
    """NaN or Infinity, which Python's parser would accept."""


def _refuse(constant: str) -> None:
    raise _ConstantError(constant)


def _members(pairs: list[tuple[str, Any]]) -> Members:
    members = Members(pairs)
    if len(members) < len(pairs):
        members.has_repeats = True
    return members


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        message = f"broken UTF-8 at byte {error.start}"
        raise NotJsonError(message) from None


def _refuse_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth += bool(bracket[1]) - bool(bracket[2])
        if depth > DEPTH_LIMIT:
            raise _not_json(f"nested deeper than {DEPTH_LIMIT}", text, bracket.start())


def _refuse_lone_surrogate(text: str) -> None:
    if _ESCAPED_SURROGATE.search(text) is None:
        return
    for escape in _SURROGATES.finditer(text):
        if escape[1]:
            raise _not_json("lone surrogate", text, escape.start())


def _constant(text: str) -> NotJsonError:
    found = next(match for match in _CONSTANTS.finditer(text) if match[1])
    return _not_json(f"{found[1]} is no JSON value", text, found.start())


def _not_json(words: str, text: str, position: int) -> NotJsonError:
    return NotJsonError(f"{words} at byte {len(text[:position].encode())}")
