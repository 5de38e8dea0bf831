"""The frames of billing periods."""

from typing import Final

import polars as pl

from schemas.frames.instant import INSTANT

CONTRACT_SCHEDULES: Final = pl.Schema(
    {
        "contract_no": pl.Int32(),
        "customer_no": pl.Int32(),
        "interval": pl.String(),
        "interval_count": pl.Int32(),
        "schedule_no": pl.Int32(),
    }
)
"""One row per contract × interval of its usage pricings, with the schedule of its periods."""

BILLING_PERIODS: Final = pl.Schema(
    {
        "schedule_no": pl.Int32(),
        "period_start": INSTANT,
        "period_end": INSTANT,
        "period_start_on": pl.Date(),
        "period_end_on": pl.Date(),
    }
)
"""One row per schedule × period, half-open, as instants and as days of the billing time zone."""
