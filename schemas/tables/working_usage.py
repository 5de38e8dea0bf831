"""The working tables of usage: from contracts and events to usage lines (see ``schemas.tables.working``)."""

from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, Integer, Numeric, Text
from sqlalchemy.dialects.postgresql import TSTZMULTIRANGE, UUID

from schemas.frames.periods import BILLING_PERIODS, CONTRACT_SCHEDULES
from schemas.frames.usage import AMBIGUOUS_RANGES
from schemas.tables.metadata import INSTANT
from schemas.tables.working import columns_of, temporary, unlogged


def _contract_pricing_columns() -> list[Column[Any]]:
    return [
        Column("contract_no", Integer),
        Column("customer_no", Integer),
        Column("schedule_no", Integer),
        Column("pricing_no", Integer),
        Column("meter_no", Integer),
        Column("id_head", Text),
    ]


def _line_columns() -> list[Column[Any]]:
    return [
        Column("line_id", UUID(as_uuid=False)),
        Column("contract_no", Integer),
        Column("pricing_no", Integer),
        Column("meter_no", Integer),
        Column("customer_no", Integer),
        Column("period_start_on", Date),
        Column("period_end_on", Date),
        Column("period_start", INSTANT),
        Column("period_end", INSTANT),
        Column("group_key", Text),
        Column("quantity", Numeric),
        Column("event_count", BigInteger),
        Column("unusable_count", BigInteger),
        Column("first_event_at", INSTANT),
        Column("last_event_at", INSTANT),
        Column("is_withdrawn", Boolean),
    ]


contract_schedules: Final = temporary(
    "contract_schedules",
    "One row per contract × interval of its usage pricings; contracts with the same periods share a schedule.",
    *columns_of(CONTRACT_SCHEDULES),
)

billing_periods: Final = temporary(
    "billing_periods", "One row per schedule × period, half-open.", *columns_of(BILLING_PERIODS)
)

contract_coverage: Final = temporary(
    "contract_coverage",
    "One row per contract that covers any instant, half-open; end_at is null if it rolls on.",
    Column("contract_no", Integer),
    Column("customer_no", Integer),
    Column("plan_no", Integer),
    Column("start_at", INSTANT),
    Column("end_at", INSTANT),
)

ambiguous_ranges: Final = temporary(
    "ambiguous_ranges",
    "One row per customer × meter × range of time, half-open, in which several contracts price the meter.",
    *columns_of(AMBIGUOUS_RANGES),
)

contract_pricings: Final = temporary(
    "contract_pricings",
    "One row per contract × usage pricing, with the beginning of the ids of its lines.",
    *_contract_pricing_columns(),
)

event_facts: Final = unlogged(
    "event_facts",
    "One row per customer × pinned contract × layer × interval × event name × all that any meter asks of the properties; "
    "further columns follow from the meters.",
    Column("customer_no", Integer),
    Column("pinned_contract_no", Integer),
    Column("layer", Integer),
    Column("interval_no", Integer),
    Column("event_name", Text),
    Column("event_count", BigInteger),
    Column("first_at", INSTANT),
    Column("last_at", INSTANT),
)

metered_usage: Final = unlogged(
    "metered_usage",
    "One row per row of folded_usage to be added, its counts not yet whole numbers.",
    Column("customer_no", Integer),
    Column("pinned_contract_no", Integer),
    Column("meter_no", Integer),
    Column("layer", Integer),
    Column("first_at", INSTANT),
    Column("last_at", INSTANT),
    Column("event_count", Numeric),
    Column("unusable_count", Numeric),
    Column("quantity", Numeric),
    Column("group_key", Text),
)

ranges_to_refold: Final = temporary(
    "ranges_to_refold",
    "One row per customer × layer × range of time whose usage is folded anew.",
    Column("customer_no", Integer),
    Column("layer", Integer),
    Column("from_at", INSTANT),
    Column("until_at", INSTANT),
)

customers_to_recompute: Final = temporary(
    "customers_to_recompute",
    "One row per customer whose contracts, or their pricings, are not those that the lines were last made from.",
    Column("customer_no", Integer),
)

changed_ranges: Final = temporary(
    "changed_ranges",
    "One row per customer × range of time, both ends included, whose usage has changed.",
    Column("customer_no", Integer),
    Column("from_at", INSTANT),
    Column("to_at", INSTANT),
    Column("is_lost", Boolean),
)

periods_to_recompute: Final = unlogged(
    "periods_to_recompute",
    "One row per customer × period of one of its schedules whose lines are recomputed.",
    Column("customer_no", Integer),
    *columns_of(BILLING_PERIODS),
)

pricings_to_recompute: Final = unlogged(
    "pricings_to_recompute",
    "One row per contract × usage pricing whose lines are recomputed, with the range of usage that they are folded from.",
    *_contract_pricing_columns(),
    Column("aggregation", Text),
    Column("slice", Integer),
    Column("starts", ARRAY(INSTANT)),
    Column("read_from", INSTANT),
    Column("read_until", INSTANT),
    Column("ambiguous", TSTZMULTIRANGE),
)

recomputed_lines: Final = unlogged(
    "recomputed_lines", "One row per line as it is now, changed or not.", *_line_columns()
)

changed_lines: Final = temporary(
    "changed_lines",
    "One row per line that has changed, with the number of its next revision.",
    *_line_columns(),
    Column("revision", Integer),
    Column("is_new", Boolean),
    Column("event_count_before", BigInteger),
)

event_groups: Final = temporary(
    "event_groups",
    "One row per customer × pinned contract × event name × set of matching meters × interval, with the number of its events.",
    Column("group_no", BigInteger),
    Column("customer_no", Integer),
    Column("pinned_contract_no", Integer),
    Column("event_name", Text),
    Column("meters", ARRAY(Integer)),
    Column("event_count", Numeric),
    Column("first_at", INSTANT),
    Column("last_at", INSTANT),
)
