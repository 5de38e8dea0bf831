"""The frames from contracts to usage lines."""

from typing import Final

import polars as pl

from schemas.frames.instant import INSTANT

CONTRACTS: Final = pl.Schema(
    {
        "contract_no": pl.Int32(),
        "customer_no": pl.Int32(),
        "plan_no": pl.Int32(),
        "start_on": pl.Date(),
        "end_on": pl.Date(),
        "anchor": pl.String(),
    }
)
"""One row per contract; end_on is exclusive, null if it rolls on; anchor is a date or a day of month, null for the start."""

PRICINGS: Final = pl.Schema(
    {
        "pricing_no": pl.Int32(),
        "plan_no": pl.Int32(),
        "meter_no": pl.Int32(),
        "interval": pl.String(),
        "interval_count": pl.Int32(),
    }
)
"""One row per pricing that carries usage."""

AMBIGUOUS_RANGES: Final = pl.Schema(
    {"customer_no": pl.Int32(), "meter_no": pl.Int32(), "from_at": INSTANT, "until_at": INSTANT}
)
"""One row per customer × meter × range of time, half-open, in which several contracts price the meter."""

USAGE_LINES: Final = pl.Schema(
    {
        "line_id": pl.String(),
        "contract_id": pl.String(),
        "customer_id": pl.String(),
        "external_customer_id": pl.String(),
        "plan_id": pl.String(),
        "pricing_id": pl.String(),
        "meter_id": pl.String(),
        "meter_code": pl.String(),
        "aggregation": pl.String(),
        "group": pl.String(),
        "period_start": INSTANT,
        "period_end": INSTANT,
        "quantity": pl.String(),
        "event_count": pl.Int64(),
        "unusable_count": pl.Int64(),
        "first_event_at": INSTANT,
        "last_event_at": INSTANT,
        "status": pl.String(),
        "kind": pl.String(),
        "revision": pl.Int32(),
        "import_id": pl.Int32(),
    }
)
"""One row per usage line: contract × pricing × group × period. The quantity is exact text; Parquet has it as a decimal if it fits."""

USAGE_COLUMNS: Final = tuple(USAGE_LINES.names())
