"""Usage lines: where an event would count on several contracts, and so counts on none of them."""

from typing import Final

import polars as pl

from schemas.frames.instant import INSTANT
from transforms.values.days import LAST_INSTANT

AMBIGUITIES_SCHEMA: Final = pl.Schema(
    {"customer_no": pl.Int32(), "meter_no": pl.Int32(), "from_at": INSTANT, "until_at": INSTANT}
)


def ambiguities(covered: pl.DataFrame, pricings: pl.DataFrame) -> pl.DataFrame:
    """Where several contracts would do: there an event without a contract counts on none of them.

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
        .select(AMBIGUITIES_SCHEMA.names())
        .cast(dict(AMBIGUITIES_SCHEMA.items()))
    )
