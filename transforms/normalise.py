"""Texts to what rules can be asked of: instants, properties that are flat, fields that are fit."""

from datetime import datetime

import polars as pl

from schemas.mapping import Column, Mapping
from schemas.rows import TEXT_FIELDS, is_fit
from transforms.properties import check_properties
from transforms.timestamps import TimestampForm, read_instants


def normalise(rows: pl.DataFrame, *, mapping: Mapping, clock: datetime) -> pl.DataFrame:
    """Puts ``at``, ``is_timestamp_omitted``, ``is_doubled``, ``properties_flaw``, ``properties_name`` beside the rows.

    ``at`` is the clock where the timestamp is omitted, and null where it is none; ``unfit`` names every unfit text.
    """
    rows = _note_unfit(rows)
    rows = rows.hstack(read_instants(rows["timestamp"], timestamp_form(mapping)))
    rows = rows.with_columns(is_timestamp_omitted=pl.col("timestamp").is_null())
    rows = rows.with_columns(at=pl.when("is_timestamp_omitted").then(pl.lit(clock)).otherwise("at"))
    return check_properties(rows)


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
