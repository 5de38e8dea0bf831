"""Write numbers as exact decimal text; no number ever becomes a binary float."""

import re

JSON_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
"""The grammar of a JSON number, for Python's and polars' regular expressions alike."""

PLAIN_NUMBER = r"0(?:\.0)?|-?[1-9][0-9]*(?:\.(?:0|[0-9]*[1-9]))?|-?0\.[0-9]*[1-9]"
"""A number in its plain form, ``5.0`` among them. Any other text, such as ``1.10``, ``007`` or ``1e3``, may be a code."""

DIGIT_LIMIT = 1000
"""The digits allowed on either side of the point, written plainly; leading and trailing zeros do not count."""

_JSON_NUMBER = re.compile(JSON_NUMBER)
_ALREADY_PLAIN = re.compile(r"0|-?[1-9][0-9]*(?:\.[0-9]*[1-9])?|-?0\.[0-9]*[1-9]")
_PARTS = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_EXPONENT_DIGITS = 9


def plain_decimal(text: str) -> str | None:
    """Return the one plain spelling of a JSON number's value: no exponent, no needless zeros, no negative zero.

    None if it is no JSON number or has more than ``DIGIT_LIMIT`` digits on a side of the point.
    """
    if _ALREADY_PLAIN.fullmatch(text) is not None and len(text) <= DIGIT_LIMIT:
        return text
    if not is_json_number(text):
        return None
    sign, digits, point = _digits_and_point(text)
    if digits == "":
        return "0"
    if point > DIGIT_LIMIT or len(digits) - point > DIGIT_LIMIT:
        return None
    return sign + _write(digits, point)


def is_json_number(text: str) -> bool:
    """Return whether the text is a JSON number of any size."""
    return _JSON_NUMBER.fullmatch(text) is not None


def _digits_and_point(text: str) -> tuple[str, str, int]:
    """Return the sign, the significant digits, and how many of them are before the point (negative: zeros after it)."""
    parts = _PARTS.fullmatch(text)
    assert parts is not None  # noqa: S101 - the grammar has been checked
    sign, whole, fraction, exponent = parts.groups(default="")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) - (len(whole + fraction) - len(digits)) + _shift(exponent)
    return sign, digits.rstrip("0"), point


def _shift(exponent: str) -> int:
    """Return the exponent as a number; one with too many digits becomes a number that is surely out of bounds."""
    digits = exponent.lstrip("+-").lstrip("0")
    size = int(digits or "0") if len(digits) <= _EXPONENT_DIGITS else 10**_EXPONENT_DIGITS
    return -size if exponent.startswith("-") else size


def _write(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
    return f"{whole}.{fraction}" if fraction else whole
