"""The tables of folded usage and usage lines, and of what they were last made from."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from schemas.tables.metadata import INSTANT, metadata

customer_boundaries = Table(
    "customer_boundaries",
    metadata,
    Column("customer_no", Integer, primary_key=True, autoincrement=False),
    Column("boundaries", ARRAY(INSTANT), nullable=False),
    comment="One row per customer with a contract: where its contracts and their periods begin and end, in order.",
)

folded_usage = Table(
    "folded_usage",
    metadata,
    Column("customer_no", Integer, nullable=False),
    Column("pinned_contract_no", Integer, nullable=False),
    Column("meter_no", Integer, nullable=False),
    Column("layer", Integer, nullable=False),
    Column("first_at", INSTANT, nullable=False),
    Column("last_at", INSTANT, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("unusable_count", BigInteger, nullable=False),
    Column("quantity", Numeric),
    Column("group_key", Text, nullable=False),
    Index(None, "customer_no", "meter_no", "first_at"),
    comment="One row per customer × contract pinned_contract_no (0: none) × meter × group × layer × interval_no between two boundaries.",
)

folded_matches = Table(
    "folded_matches",
    metadata,
    Column("customer_no", Integer, nullable=False),
    Column("pinned_contract_no", Integer, nullable=False),
    Column("layer", Integer, nullable=False),
    Column("first_at", INSTANT, nullable=False),
    Column("last_at", INSTANT, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("meters", ARRAY(Integer), nullable=False),
    Index(None, "customer_no", "first_at"),
    comment="One row per customer × contract pinned_contract_no (0: none) × event name × set of matching meters × layer × interval_no.",
)

usage_lines = Table(
    "usage_lines",
    metadata,
    Column("line_id", UUID(as_uuid=False), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("contract_no", Integer, nullable=False),
    Column("pricing_no", Integer, nullable=False),
    Column("meter_no", Integer, nullable=False),
    Column("customer_no", Integer, nullable=False),
    Column("period_start_on", Date, nullable=False),
    Column("period_end_on", Date, nullable=False),
    Column("period_start", INSTANT, nullable=False),
    Column("period_end", INSTANT, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("quantity", Numeric),
    Column("event_count", BigInteger, nullable=False),
    Column("unusable_count", BigInteger, nullable=False),
    Column("first_event_at", INSTANT),
    Column("last_event_at", INSTANT),
    Column("is_withdrawn", Boolean, nullable=False),
    Column("import_id", Integer, nullable=False),
    Column("publish_no", Integer, nullable=False),
    Column("replaced_publish_no", Integer),
    comment="One row per revision of a usage line; the current one has no replaced_publish_no.",
)


Index(
    "usage_lines_current",
    usage_lines.c.customer_no,
    postgresql_where=usage_lines.c.replaced_publish_no.is_(None),
)

rollup_state = Table(
    "rollup_state",
    metadata,
    Column("is_only_row", Boolean, primary_key=True, server_default="true"),
    Column("billing_time_zone", Text, nullable=False),
    Column("meters_digest", Text, nullable=False),
    Column("catalog_version", Integer, nullable=False),
    comment="One row: what the folded usage and the lines were last made from.",
)

rolled_up_contracts = Table(
    "rolled_up_contracts",
    metadata,
    Column("contract_no", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("customer_no", Integer, nullable=False),
    Column("plan_no", Integer, nullable=False),
    Column("plan_id", Text, nullable=False),
    Column("start_on", Date, nullable=False),
    Column("end_on", Date),
    Column("anchor", Text),
    comment="One row per contract as the lines were last made from it.",
)

rolled_up_pricings = Table(
    "rolled_up_pricings",
    metadata,
    Column("pricing_no", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("plan_no", Integer, nullable=False),
    Column("meter_no", Integer, nullable=False),
    Column("interval", Text, nullable=False),
    Column("interval_count", Integer, nullable=False),
    comment="One row per pricing that carries usage, as the lines were last made from it.",
)

rolled_up_meters = Table(
    "rolled_up_meters",
    metadata,
    Column("meter_no", Integer, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False),
    Column("aggregation", Text, nullable=False),
    Column("is_supported", Boolean, nullable=False),
    comment="One row per meter as the lines were last made from it.",
)
