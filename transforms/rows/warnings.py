"""Warn of ids that are accepted but look wrong; nothing is changed."""

import polars as pl

from schemas.frames.rows import FIELD_NAMES
from transforms.values.ids import has_shortened, placeholders

_IDS = ("idempotency_key", "customer_id", "external_customer_id", "contract_id")


def warnings_of(rows: pl.DataFrame) -> tuple[str, ...]:
    """Return one sentence per id field and kind of suspicion, the same for every chunk that has it."""
    found: list[str] = []
    for column in _IDS:
        name, ids = FIELD_NAMES[column], rows[column].drop_nulls()
        if has_shortened(ids):
            found.append(
                f"{name}: some look like 1.23E+15, as a spreadsheet shortens long numbers; different ones may have become one"
            )
        found += [f"{name}: some are {word}, which looks like a placeholder" for word in placeholders(ids)]
    return tuple(found)
