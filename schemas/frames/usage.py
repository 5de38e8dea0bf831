"""The columns of usage lines."""

from typing import Final

USAGE_COLUMNS: Final = (
    "line_id",
    "contract_id",
    "customer_id",
    "external_customer_id",
    "plan_id",
    "pricing_id",
    "meter_id",
    "meter_code",
    "aggregation",
    "group",
    "period_start",
    "period_end",
    "quantity",
    "event_count",
    "unusable_count",
    "first_event_at",
    "last_event_at",
    "status",
    "kind",
    "revision",
    "import_id",
)
"""One row per usage line: contract × pricing × group × period."""
