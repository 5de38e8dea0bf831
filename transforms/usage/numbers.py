"""The numbers that meters use of a property, as SQL expressions."""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Numeric, Text, and_, case, cast, func, literal_column

NUMBER_TEXT: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?0*[0-9]{1,4})?$"
"""A text that is a JSON number; unless it is zero, none of a longer exponent is within bounds."""

NUMBER_TEXT_LENGTH: Final = 6_000
"""Longer texts must not reach a cast: with four digits of exponent, Postgres takes 16,383 after the point."""

ZERO_TEXT: Final = r"^-?0(\.0+)?([eE][+-]?[0-9]+)?$"
"""A text that is zero, however long, whatever its exponent."""

NUMBER_BOUND: Final = Decimal(10) ** 1000

NUMBER_SCALE: Final = 1_000


def usable_number(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The number that SUM, MAX and MIN use of a property: a JSON number, or a text that is one; else null."""
    said = value.op("#>>", return_type=Text())(literal_column("'{}'::text[]"))
    read = cast(said, Numeric)
    is_safe = and_(said.regexp_match(NUMBER_TEXT), func.length(said) <= NUMBER_TEXT_LENGTH)
    is_within = and_(func.abs(read) < NUMBER_BOUND, func.min_scale(read) <= NUMBER_SCALE)
    of_text = case(
        (said.regexp_match(ZERO_TEXT), literal_column("0::numeric")), (is_safe, case((is_within, read)))
    )
    of_kind = {"number": cast(value, Numeric), "string": of_text}
    return case(of_kind, value=func.jsonb_typeof(value))
