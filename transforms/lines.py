"""Usage lines: days folded into the periods of the contracts that they count on, and what is read of them."""

from typing import Final

import polars as pl

AMBIGUITIES_SCHEMA: Final = pl.Schema(
    {"customer_no": pl.Int32(), "meter_no": pl.Int32(), "from_on": pl.Date(), "until_on": pl.Date()}
)
END_OF_DAYS: Final = pl.date(9999, 12, 31)
"""Stands for the end of a contract that rolls on."""


def ambiguities(contracts: pl.DataFrame, pricings: pl.DataFrame) -> pl.DataFrame:
    """Where several contracts would do: on those days an event without a contract counts on none of them.

    contracts: one row per contract; contract_no, customer_no, plan_no, start_on, end_on (exclusive, null: rolls on).
    pricings: one row per usage pricing; plan_no, meter_no.
    Returns one row per customer × meter × run of days, half-open, on which several contracts price the meter.
    """
    priced = pricings.select("plan_no", "meter_no").unique()
    several = contracts.filter(pl.len().over("customer_no") > 1)
    covering = several.join(priced, on="plan_no").with_columns(pl.col("end_on").fill_null(END_OF_DAYS))
    edges = pl.concat(
        [
            covering.select(
                "customer_no", "meter_no", pl.col("start_on").alias("from_on"), pl.lit(1).alias("step")
            ),
            covering.select(
                "customer_no", "meter_no", pl.col("end_on").alias("from_on"), pl.lit(-1).alias("step")
            ),
        ]
    )
    by_meter = ["customer_no", "meter_no"]
    return (
        edges.group_by(*by_meter, "from_on")
        .agg(pl.col("step").sum())
        .sort(*by_meter, "from_on")
        .with_columns(
            pl.col("step").cum_sum().over(by_meter).alias("covering"),
            pl.col("from_on").shift(-1).over(by_meter).alias("until_on"),
        )
        .filter(pl.col("covering") > 1)
        .select(AMBIGUITIES_SCHEMA.names())
        .cast(dict(AMBIGUITIES_SCHEMA.items()))
    )
