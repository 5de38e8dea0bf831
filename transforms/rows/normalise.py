"""Turn the texts of fields into values that rules can judge: instants, flat properties, plain versions."""

from datetime import datetime

import polars as pl

from schemas.documents.mapping import Column, Mapping
from schemas.frames.rows import TEXT_FIELDS, is_valid_text
from transforms.rows.invalid_fields import add_invalid_fields
from transforms.rows.timestamps import TimestampForm, read_instants
from transforms.values.numbers import plain_decimal
from transforms.values.properties import check_properties


def normalise(rows: pl.DataFrame, *, mapping: Mapping, clock: datetime) -> pl.DataFrame:
    """Add ``at``, ``is_timestamp_omitted``, ``is_doubled`` and the flaws of properties to the rows.

    ``at`` is the clock if the timestamp is omitted, and null if the text is no timestamp. ``invalid_fields`` then names every
    invalid field, and ``version`` is a plain decimal.
    """
    rows = add_invalid_fields(rows, {name: ~is_valid_text(name) for name in TEXT_FIELDS})
    rows = rows.hstack(read_instants(rows["timestamp"], timestamp_form(mapping)))
    rows = rows.with_columns(is_timestamp_omitted=pl.col("timestamp").is_null())
    rows = rows.with_columns(at=pl.when("is_timestamp_omitted").then(pl.lit(clock)).otherwise("at"))
    return check_properties(_with_plain_versions(rows, mapping))


def timestamp_form(mapping: Mapping) -> TimestampForm:
    """Return the form in which a source writes its timestamps."""
    source = (mapping.fields or {}).get("timestamp")
    if isinstance(source, Column):
        return TimestampForm(unit=source.unit, format=source.format, time_zone=mapping.time_zone)
    return TimestampForm(time_zone=mapping.time_zone)


def _with_plain_versions(rows: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Write versions as plain decimals, a timestamp as microseconds since 1970; any other text is invalid."""
    texts = rows["version"].drop_nulls().unique()
    if not len(texts):
        return rows
    micros = read_instants(texts, TimestampForm(time_zone=mapping.time_zone))["at"].dt.timestamp("us")
    plain = [plain_decimal(text) if at is None else str(at) for text, at in zip(texts, micros, strict=True)]
    plain_versions = pl.DataFrame({"version": texts, "plain": pl.Series(plain, dtype=pl.String)})
    rows = rows.join(plain_versions, on="version", how="left", maintain_order="left")
    is_invalid = pl.col("version").is_not_null() & pl.col("plain").is_null()
    rows = add_invalid_fields(rows, {"version": is_invalid})
    return rows.with_columns(version=pl.coalesce("plain", "version")).drop("plain")
