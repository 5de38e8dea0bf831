"""Find the times at which several contracts of a customer price the same meter."""

import polars as pl

from schemas.frames.usage import AMBIGUOUS_RANGES
from transforms.values.days import LAST_INSTANT


def ambiguities(covered: pl.DataFrame, pricings: pl.DataFrame) -> pl.DataFrame:
    """Return the ranges in which several contracts price a meter: there an event that is pinned to none counts on none.

    covered: one row per contract; customer_no, plan_no, start_at, end_at (exclusive, null: rolls on).
    pricings: one row per usage pricing; plan_no, meter_no.
    Returns one row per customer × meter × run of time, half-open, in which several contracts price the meter.
    """
    priced = pricings.select("plan_no", "meter_no").unique()
    several = covered.filter(pl.len().over("customer_no") > 1)
    covering = several.join(priced, on="plan_no").with_columns(pl.col("end_at").fill_null(LAST_INSTANT))
    edges = pl.concat(
        [
            covering.select(
                "customer_no", "meter_no", pl.col("start_at").alias("from_at"), pl.lit(1).alias("step")
            ),
            covering.select(
                "customer_no", "meter_no", pl.col("end_at").alias("from_at"), pl.lit(-1).alias("step")
            ),
        ]
    )
    by_meter = ["customer_no", "meter_no"]
    return (
        edges.group_by(*by_meter, "from_at")
        .agg(pl.col("step").sum())
        .sort(*by_meter, "from_at")
        .with_columns(
            pl.col("step").cum_sum().over(by_meter).alias("covering"),
            pl.col("from_at").shift(-1).over(by_meter).alias("until_at"),
        )
        .filter(pl.col("covering") > 1)
        .select(AMBIGUOUS_RANGES.names())
        .cast(dict(AMBIGUOUS_RANGES.items()))
    )
