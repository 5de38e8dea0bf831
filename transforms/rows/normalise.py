"""Texts to what rules can be asked of: instants, properties that are flat, fields that are fit."""

from datetime import datetime

import polars as pl

from schemas.documents.mapping import Column, Mapping
from schemas.frames.rows import TEXT_FIELDS, is_fit
from transforms.rows.timestamps import TimestampForm, read_instants
from transforms.values.numbers import plain_decimal
from transforms.values.properties import check_properties


def normalise(rows: pl.DataFrame, *, mapping: Mapping, clock: datetime) -> pl.DataFrame:
    """Puts ``at``, ``is_timestamp_omitted``, ``is_doubled``, and the properties' flaws beside the rows.

    ``at`` is the clock where the timestamp is omitted, and null where it is none; ``unfit`` names every unfit field;
    ``version`` becomes a plain decimal.
    """
    rows = _note_unfit(rows)
    rows = rows.hstack(read_instants(rows["timestamp"], timestamp_form(mapping)))
    rows = rows.with_columns(is_timestamp_omitted=pl.col("timestamp").is_null())
    rows = rows.with_columns(at=pl.when("is_timestamp_omitted").then(pl.lit(clock)).otherwise("at"))
    return check_properties(_with_version(rows, mapping))


def timestamp_form(mapping: Mapping) -> TimestampForm:
    """How this source writes its timestamps."""
    told = (mapping.fields or {}).get("timestamp")
    if isinstance(told, Column):
        return TimestampForm(unit=told.unit, format=told.format, time_zone=mapping.time_zone)
    return TimestampForm(time_zone=mapping.time_zone)


def _note_unfit(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds texts that are too long or hold control characters to ``unfit``, in the order of the fields."""
    fits = rows.select(is_fit(name) for name in TEXT_FIELDS)
    if fits.select(pl.all_horizontal(pl.all().all())).item():
        return rows
    names = pl.concat_str(
        *(pl.when(~pl.col(name)).then(pl.lit(f"{name},")).otherwise(pl.lit("")) for name in TEXT_FIELDS)
    )
    noted = pl.Series("noted", fits.select(names).to_series())
    before = pl.col("unfit").fill_null(",")
    return rows.with_columns(
        unfit=pl.when(pl.lit(noted) != "").then(before + pl.lit(noted)).otherwise("unfit")
    )


def _with_version(rows: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Versions as plain decimals: numbers as they are, timestamps as microseconds since 1970; others are unfit."""
    texts = rows["version"].drop_nulls().unique()
    if not len(texts):
        return rows
    micros = read_instants(texts, TimestampForm(time_zone=mapping.time_zone))["at"].dt.timestamp("us")
    plain = [plain_decimal(text) if at is None else str(at) for text, at in zip(texts, micros, strict=True)]
    read = pl.DataFrame({"version": texts, "plain": pl.Series(plain, dtype=pl.String)})
    rows = rows.join(read, on="version", how="left", maintain_order="left")
    is_unfit = pl.col("version").is_not_null() & pl.col("plain").is_null()
    noted = pl.when(is_unfit).then(pl.col("unfit").fill_null(",") + "version,").otherwise("unfit")
    return rows.with_columns(unfit=noted, version=pl.coalesce("plain", "version")).drop("plain")
