"""Split rows into those that keep every rule and those that break one, each with the first code that applies."""

from dataclasses import dataclass

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from schemas.vocabulary import RejectionCode

_PRECEDENCE = {code.value: place for place, code in enumerate(RejectionCode)}


@dataclass(frozen=True)
class Validated:
    """The accepted rows, and the refused rows with their ``code`` (String); both in the order of the rows."""

    accepted: pl.DataFrame
    refused: pl.DataFrame


def validate(rows: pl.DataFrame, rules: pa.DataFrameSchema) -> Validated:
    """Split rows by rules whose names are rejection codes; no setting of the environment turns the rules off.

    Raises SchemaErrors if the frame itself, and not a row, breaks the schema.
    """
    try:
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            rules.validate(rows, lazy=True)
    except SchemaErrors as errors:
        codes = _first_codes(errors, len(rows))
    else:
        return Validated(accepted=rows, refused=rows.clear().with_columns(code=pl.lit(None, pl.String)))
    rows = rows.with_columns(code=codes)
    return Validated(
        accepted=rows.filter(pl.col("code").is_null()).drop("code"),
        refused=rows.filter(pl.col("code").is_not_null()),
    )


def _first_codes(errors: SchemaErrors, height: int) -> pl.Series:
    """Return each row's first code in the order of precedence; null if the row broke no rule."""
    cases: pl.DataFrame = errors.failure_cases
    if not cases["check"].is_in(list(_PRECEDENCE)).all() or cases["index"].null_count():
        raise errors
    first = (
        cases.select("index", place=pl.col("check").replace_strict(_PRECEDENCE, return_dtype=pl.Int64))
        .group_by("index")
        .agg(pl.col("place").min())
    )
    names = {place: code for code, place in _PRECEDENCE.items()}
    codes = first["place"].replace_strict(names, return_dtype=pl.String)
    return pl.repeat(None, height, dtype=pl.String, eager=True).scatter(first["index"], codes)
