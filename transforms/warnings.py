"""Values that are accepted but look wrong: worth a sentence to a person, never a change."""

import re

import polars as pl

from schemas.rows import FIELD_NAMES

_IDS = ("idempotency_key", "customer_id", "external_customer_id", "contract_id")
_SHORTENED = r"^[+-]?[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}$"
_PLACEHOLDERS = ("null", "none", "undefined", "nil", "nan", "n/a", "unknown")
_PLACEHOLDER_BYTES = max(map(len, _PLACEHOLDERS))
_ZEROS = r"^[0-]*0[0-]*$"


def is_placeholder(text: str) -> bool:
    """Whether an id looks as if it stood for none."""
    return text.lower() in _PLACEHOLDERS or re.match(_ZEROS, text) is not None


def is_shortened(text: str) -> bool:
    """Whether an id looks like a long number that a spreadsheet has rounded."""
    return re.match(_SHORTENED, text) is not None


def warnings_of(rows: pl.DataFrame) -> tuple[str, ...]:
    """One sentence per field and kind of suspicion, the same for every chunk that has it."""
    found: list[str] = []
    for column in _IDS:
        name, values = FIELD_NAMES[column], rows[column].drop_nulls()
        if values.str.contains(_SHORTENED).any():
            found.append(
                f"{name}: some look like 1.23E+15, as a spreadsheet shortens long numbers; different ones may have become one"
            )
        short = values.filter(values.str.len_bytes() <= _PLACEHOLDER_BYTES).str.to_lowercase()
        placeholders = set(short.filter(short.is_in(_PLACEHOLDERS)).unique())
        if values.filter(values.str.len_bytes() <= 36).str.contains(_ZEROS).any():
            placeholders.add("zeros")
        found += [f"{name}: some are {word}, which looks like a placeholder" for word in sorted(placeholders)]
    return tuple(found)
