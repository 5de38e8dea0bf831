"""JSON values, exactly: numbers are Decimals, names given twice keep the last, nothing is rounded or mended."""

from __future__ import annotations

import json
import re
from decimal import Decimal, Inexact, InvalidOperation, localcontext

DEEPEST = 64
MOST_DIGITS = 1000
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class NotJsonError(ValueError):
    """The text is no JSON value, or one that no row may be."""


class TooLong:
    """A number with more than 1,000 digits on a side of the point."""


def number(text: str) -> Decimal | TooLong:
    """A JSON number, or TooLong."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return TooLong()
    return value if _fits(value) else TooLong()


def _fits(value: Decimal) -> bool:
    digits = "".join(str(digit) for digit in value.as_tuple().digits).lstrip("0")
    if not digits:
        return True
    exponent = int(value.as_tuple().exponent)
    trailing = len(digits) - len(digits.rstrip("0"))
    before_point = len(digits) + exponent
    after_point = -(exponent + trailing)
    return before_point <= MOST_DIGITS and after_point <= MOST_DIGITS


def _no_constant(text: str) -> object:
    raise NotJsonError(f"{text} is no JSON value")


def _last_counts(pairs: list[tuple[str, object]]) -> dict[str, object]:
    for name, value in pairs:
        _refuse_surrogates(name)
        _refuse_surrogates(value)
    return dict(pairs)


def _refuse_surrogates(value: object) -> None:
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise NotJsonError("lone surrogate")
    if isinstance(value, list):
        for item in value:
            _refuse_surrogates(item)


DECODER = json.JSONDecoder(
    parse_float=number, parse_int=number, parse_constant=_no_constant, object_pairs_hook=_last_counts
)


def decode(text: str) -> object:
    """The value of a JSON text: None, bool, str, Decimal, TooLong, list or dict; raises NotJsonError."""
    if depth(text) > DEEPEST:
        raise NotJsonError("nested too deep")
    try:
        value = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotJsonError(str(error)) from error
    _refuse_surrogates(value)
    return value


def depth(text: str) -> int:
    """Return the depth of lists and objects in a JSON text."""
    deepest = open_now = 0
    in_text = escaped = False
    for character in text:
        if in_text:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_text = False
        elif character == '"':
            in_text = True
        elif character in "[{":
            open_now += 1
            deepest = max(deepest, open_now)
        elif character in "]}":
            open_now -= 1
    return deepest


def split_array(text: str, start: int) -> tuple[list[str], int]:
    """The texts of the items of the array that begins at `start`, and where the array ends."""
    items: list[str] = []
    at = _skip_space(text, start + 1)
    if text[at] == "]":
        return items, at + 1
    while True:
        _, end = DECODER.raw_decode(text, at)
        items.append(text[at:end])
        at = _skip_space(text, end)
        if text[at] == "]":
            return items, at + 1
        at = _skip_space(text, at + 1)


def events_of_body(text: str) -> list[str] | None:
    """The texts of the events of a body {"events": [...]}; None where the object has no such list."""
    found: list[str] | None = None
    at = _skip_space(text, _skip_space(text, 0) + 1)
    while text[at] == '"':
        name, end = DECODER.raw_decode(text, at)
        at = _skip_space(text, _skip_space(text, end) + 1)
        if name == "events":
            found = split_array(text, at)[0] if text[at] == "[" else None
        _, end = DECODER.raw_decode(text, at)
        at = _skip_space(text, end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return found


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


Typed = tuple[str, str]


def typed(value: object) -> Typed:
    """A text, number or boolean so that two are equal exactly where they are equal as JSON values."""
    if isinstance(value, bool):
        return ("boolean", "true" if value else "false")
    if isinstance(value, Decimal):
        return ("number", plain(value))
    if isinstance(value, str):
        return ("text", value)
    raise TypeError(f"neither text, number nor boolean: {value!r}")


def plain(value: Decimal) -> str:
    """A plain decimal: no exponent, no trailing zeros, no negative zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def exact_sum(values: list[Decimal]) -> Decimal:
    """The exact sum; 0 of none."""
    total = Decimal(0)
    with localcontext() as context:
        context.prec = 4 * MOST_DIGITS
        context.traps[Inexact] = True
        for value in values:
            total += value
    return total
