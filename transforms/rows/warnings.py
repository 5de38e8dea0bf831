"""Values that are accepted but look wrong: worth a sentence to a person, never a change."""

import polars as pl

from schemas.frames.rows import FIELD_NAMES
from transforms.values.ids import PLACEHOLDERS, SHORTENED, ZEROS

_IDS = ("idempotency_key", "customer_id", "external_customer_id", "contract_id")
_PLACEHOLDER_BYTES = max(map(len, PLACEHOLDERS))


def warnings_of(rows: pl.DataFrame) -> tuple[str, ...]:
    """One sentence per field and kind of suspicion, the same for every chunk that has it."""
    found: list[str] = []
    for column in _IDS:
        name, values = FIELD_NAMES[column], rows[column].drop_nulls()
        if values.str.contains(SHORTENED).any():
            found.append(
                f"{name}: some look like 1.23E+15, as a spreadsheet shortens long numbers; different ones may have become one"
            )
        short = values.filter(values.str.len_bytes() <= _PLACEHOLDER_BYTES).str.to_lowercase()
        placeholders = set(short.filter(short.is_in(PLACEHOLDERS)).unique())
        if values.filter(values.str.len_bytes() <= 36).str.contains(ZEROS).any():
            placeholders.add("zeros")
        found += [f"{name}: some are {word}, which looks like a placeholder" for word in sorted(placeholders)]
    return tuple(found)
