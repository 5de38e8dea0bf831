"""Compute the instants that contracts cover."""

import polars as pl

from transforms.values.days import openings, zone_named


def coverages(contracts: pl.DataFrame, *, zone: str) -> pl.DataFrame:
    """Return one row per contract that covers any instant: contract_no; start_at, end_at Datetime us UTC, half-open.

    contracts: contract_no Int32; start_on Date; end_on Date|null. The end of a contract that rolls on is null.
    """
    days = pl.concat([contracts["start_on"], contracts["end_on"]]).unique().drop_nulls()
    opened = openings(zone_named(zone), days)
    return (
        contracts.join(opened.rename({"opens_at": "start_at"}), left_on="start_on", right_on="day")
        .join(opened.rename({"opens_at": "end_at"}), left_on="end_on", right_on="day", how="left")
        .filter(pl.col("end_at").is_null() | (pl.col("start_at") < pl.col("end_at")))
        .select("contract_no", "start_at", "end_at")
        .sort("contract_no")
    )
