"""Usage lines as they are read: their columns, their statuses, and why an event may be on none."""

from enum import StrEnum
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


class Unassigned(StrEnum):
    """Why an event counts on no line; the first that holds."""

    AMBIGUOUS_CONTRACT = "ambiguous_contract"
    """A matching meter is priced by several contracts that cover the event."""
    NO_CONTRACT = "no_contract"
    """The customer has no contract, or not the pinned one."""
    OUTSIDE_CONTRACT = "outside_contract"
    """No contract covers the timestamp."""
    NO_METER = "no_meter"
    """No covering contract prices a meter that matches."""
    PARTLY_AMBIGUOUS = "partly_ambiguous"
    """It counts on one meter, and is ambiguous for another."""
