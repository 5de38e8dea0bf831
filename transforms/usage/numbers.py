"""Read the number that a meter uses of a property, as SQL expressions."""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Numeric, Text, and_, case, cast, func, literal_column

NUMBER_TEXT: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?0*[0-9]{1,4})?$"
"""A text that is a JSON number; except for zero, no number with a longer exponent is within the bounds."""

NUMBER_TEXT_LENGTH: Final = 6_000
"""Longer texts must not be cast: with an exponent of four digits, Postgres takes at most 16,383 digits after the point."""

ZERO_TEXT: Final = r"^-?0(\.0+)?([eE][+-]?[0-9]+)?$"
"""A text that is zero, with any number of digits and any exponent."""

NUMBER_BOUND: Final = Decimal(10) ** 1000

NUMBER_SCALE: Final = 1_000


def usable_number(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the number that SUM, MAX and MIN use of a property: a JSON number, or a text that is one; else null."""
    number_text = value.op("#>>", return_type=Text())(literal_column("'{}'::text[]"))
    number = cast(number_text, Numeric)
    is_safe = and_(number_text.regexp_match(NUMBER_TEXT), func.length(number_text) <= NUMBER_TEXT_LENGTH)
    is_within = and_(func.abs(number) < NUMBER_BOUND, func.min_scale(number) <= NUMBER_SCALE)
    of_text = case(
        (number_text.regexp_match(ZERO_TEXT), literal_column("0::numeric")),
        (is_safe, case((is_within, number))),
    )
    of_kind = {"number": cast(value, Numeric), "string": of_text}
    return case(of_kind, value=func.jsonb_typeof(value))
