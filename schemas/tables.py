"""The Postgres tables: what is kept, at which grain, and what is unique.

An import's rows wait in a staging table of their own (``arrivals_<import_id>``, see :func:`arrivals`) until it is
published; everything in ``events`` and below it has been published.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

INSTANT: Final = DateTime(timezone=True)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", INSTANT, nullable=False, server_default=func.now()),
    comment="One row per setting that changes numbers and differs from its default.",
)

# --- catalog -----------------------------------------------------------------------------------------------------

catalog_versions = Table(
    "catalog_versions",
    metadata,
    Column("catalog_version", Integer, primary_key=True, autoincrement=False),
    Column("clock", INSTANT, nullable=False),
    Column("loaded_at", INSTANT, nullable=False, server_default=func.now()),
    Column("folder", Text, nullable=False),
    Column("user_name", Text),
    Column("reason", Text),
    comment="One row per accepted catalog.",
)

catalog_changes = Table(
    "catalog_changes",
    metadata,
    Column("catalog_version", ForeignKey(catalog_versions.c.catalog_version), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    comment="One row per thing that a catalog version added, changed (before and after) or pruned.",
)

customers = Table(
    "customers",
    metadata,
    Column("customer_no", Integer, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("external_customer_id", Text, unique=True),
    Column("document", JSONB, nullable=False),
    Column("catalog_version", ForeignKey(catalog_versions.c.catalog_version), nullable=False),
    comment="One row per customer.",
)

meters = Table(
    "meters",
    metadata,
    Column("meter_no", Integer, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("code", Text, nullable=False),
    Column("aggregation", Text, nullable=False),
    Column("is_supported", Boolean, nullable=False),
    Column("inactive_at", INSTANT),
    Column("document", JSONB, nullable=False),
    Column("catalog_version", ForeignKey(catalog_versions.c.catalog_version), nullable=False),
    comment="One row per meter; it counts events dated before inactive_at.",
)

plans = Table(
    "plans",
    metadata,
    Column("plan_no", Integer, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("document", JSONB, nullable=False),
    Column("catalog_version", ForeignKey(catalog_versions.c.catalog_version), nullable=False),
    comment="One row per plan.",
)

pricings = Table(
    "pricings",
    metadata,
    Column("pricing_no", Integer, Identity(), primary_key=True),
    Column("plan_no", ForeignKey(plans.c.plan_no, ondelete="CASCADE"), nullable=False),
    Column("id", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("meter_no", ForeignKey(meters.c.meter_no)),
    Column("interval", Text),
    Column("interval_count", Integer),
    Column("document", JSONB, nullable=False),
    UniqueConstraint("plan_no", "id"),
    comment="One row per pricing of a plan; meter_no, interval and interval_count only where it carries usage.",
)

contracts = Table(
    "contracts",
    metadata,
    Column("contract_no", Integer, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("customer_no", ForeignKey(customers.c.customer_no), nullable=False, index=True),
    Column("plan_no", ForeignKey(plans.c.plan_no), nullable=False),
    Column("start_on", Date, nullable=False),
    Column("end_on", Date),
    Column("anchor", Text),
    Column("document", JSONB, nullable=False),
    Column("catalog_version", ForeignKey(catalog_versions.c.catalog_version), nullable=False),
    comment="One row per contract; end_on is exclusive, null where it rolls on; anchor is a date or a day of month.",
)

# --- imports and their files -------------------------------------------------------------------------------------

mappings = Table(
    "mappings",
    metadata,
    Column("mapping_digest", Text, primary_key=True),
    Column("name", Text),
    Column("document", JSONB, nullable=False),
    comment="One row per mapping an import was run with.",
)

imports = Table(
    "imports",
    metadata,
    Column("import_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("clock", INSTANT, nullable=False),
    Column("started_at", INSTANT, nullable=False, server_default=func.now()),
    Column("finished_at", INSTANT),
    Column("publish_no", Integer, unique=True),
    Column("published_at", INSTANT, unique=True),
    Column("sources", JSONB, nullable=False),
    Column("mapping_digest", ForeignKey(mappings.c.mapping_digest)),
    Column("catalog_version", Integer),
    Column("max_rejected", Numeric),
    Column("reason", Text),
    Column("user_name", Text),
    Column("host", Text),
    Column("software", Text, nullable=False),
    Column("flow_run_id", Text),
    Column("ledger", JSONB(none_as_null=True)),
    Column("lines_changed", Integer),
    Column("failure", Text),
    comment="One row per import or rollup: everything that publishes has its id here.",
)

files = Table(
    "files",
    metadata,
    Column("file_id", Integer, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("mapping_digest", ForeignKey(mappings.c.mapping_digest), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("first_import_id", ForeignKey(imports.c.import_id), nullable=False),
    Column("published_import_id", ForeignKey(imports.c.import_id)),
    Column("layer", Integer),
    UniqueConstraint("sha256", "mapping_digest"),
    comment="One row per file: its bytes under a mapping. file_id is its place, given when first listed, for good; "
    "the events of a layer are folded together.",
)

import_files = Table(
    "import_files",
    metadata,
    Column("import_id", ForeignKey(imports.c.import_id), primary_key=True),
    Column("file_id", ForeignKey(files.c.file_id), primary_key=True),
    Column("uri", Text, nullable=False),
    Column("source_version", Text),
    Column("is_loaded", Boolean, nullable=False, server_default="false"),
    Column("ledger", JSONB(none_as_null=True)),
    comment="One row per file that an import reads; its ledger once settled.",
)

chunks = Table(
    "chunks",
    metadata,
    Column("import_id", Integer, primary_key=True),
    Column("file_id", Integer, primary_key=True),
    Column("last_row", BigInteger, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("keyless", Integer, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("committed_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    comment="One row per chunk whose rows, rejections and checkpoint have been committed together.",
)

rejections = Table(
    "rejections",
    metadata,
    Column("import_id", ForeignKey(imports.c.import_id), primary_key=True),
    Column("file_id", ForeignKey(files.c.file_id), primary_key=True),
    Column("row", BigInteger, primary_key=True),
    Column("line", BigInteger),
    Column("byte_offset", BigInteger),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("field", Text),
    Column("value", Text),
    Column("raw", LargeBinary),
    Column("raw_length", BigInteger, nullable=False),
    Column("raw_sha256", LargeBinary, nullable=False),
    Column("repeats_import_id", Integer),
    Column("repeats_file_id", Integer),
    Column("repeats_row", BigInteger),
    Column("closed_import_id", ForeignKey(imports.c.import_id)),
    Index(None, "raw_sha256"),
    comment="One row per row set aside, with its untouched bytes (at most 64 KiB, their length and hash); "
    "a repeat names the open rejection that it repeats, a closed one the import that read its row again.",
)

# --- events ------------------------------------------------------------------------------------------------------


def _event_columns() -> list[Column[Any]]:
    """The columns of a version of an event; wide fixed-length ones first, so that no byte is lost to alignment."""
    return [
        Column("key", UUID(as_uuid=False), nullable=False),
        Column("at", INSTANT, nullable=False),
        Column("row", BigInteger, nullable=False),
        Column("file_id", Integer, nullable=False),
        Column("customer_no", Integer, nullable=False),
        Column("contract_no", Integer),
        Column("is_keyless", Boolean, nullable=False),
        Column("is_timestamp_omitted", Boolean, nullable=False),
        Column("is_deleted", Boolean, nullable=False),
        Column("event_name", Text, nullable=False),
        Column("idempotency_key", Text),
        Column("source_version", Text),
        Column("properties", JSONB, nullable=False),
    ]


EVENT_COLUMNS: Final = tuple(column.name for column in _event_columns())

EVENTS_FILL: Final = 90
"""Per cent to which events are added to a page, so that they go behind the others and not into the gaps of those removed.

In such gaps a million events on 20 million touched 217,000 old pages: 2.6 GB of WAL instead of 0.9, 8 s instead of 5, and the
index on time could no longer tell pages apart.
"""

events = Table(
    "events",
    metadata,
    *_event_columns(),
    comment="One row per key: the version that counts, with the place (file_id, row) that first told it.",
)
Index("events_key", events.c.key, unique=True)
Index("events_at", events.c.at, postgresql_using="brin")

superseded = Table(
    "superseded",
    metadata,
    *_event_columns(),
    Column("import_id", Integer, nullable=False),
    Column("standing", Text, nullable=False),
    Index(None, "key"),
    comment="One row per version that does not count: superseded by a later one, or stale when it came.",
)

tellings = Table(
    "tellings",
    metadata,
    Column("key", UUID(as_uuid=False), nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("version_row", BigInteger, nullable=False),
    Column("file_id", Integer, nullable=False),
    Column("version_file_id", Integer, nullable=False),
    Column("source_version", Text),
    Index(None, "key"),
    comment="One row per duplicate: it tells again the version first told at (version_file_id, version_row).",
)

# --- usage -------------------------------------------------------------------------------------------------------

customer_edges = Table(
    "customer_edges",
    metadata,
    Column("customer_no", Integer, primary_key=True, autoincrement=False),
    Column("edges", ARRAY(INSTANT), nullable=False),
    comment="One row per customer with a contract: where its contracts and their periods begin and end, in order.",
)

folded_usage = Table(
    "folded_usage",
    metadata,
    Column("customer_no", Integer, nullable=False),
    Column("pin", Integer, nullable=False),
    Column("meter_no", Integer, nullable=False),
    Column("layer", Integer, nullable=False),
    Column("first_at", INSTANT, nullable=False),
    Column("last_at", INSTANT, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("unusable_count", BigInteger, nullable=False),
    Column("quantity", Numeric),
    Column("group_key", Text, nullable=False),
    Index(None, "customer_no", "meter_no", "first_at"),
    comment="One row per customer × contract pin (0: none) × meter × group × layer × stretch between two edges.",
)

folded_matches = Table(
    "folded_matches",
    metadata,
    Column("customer_no", Integer, nullable=False),
    Column("pin", Integer, nullable=False),
    Column("layer", Integer, nullable=False),
    Column("first_at", INSTANT, nullable=False),
    Column("last_at", INSTANT, nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("event_name", Text, nullable=False),
    Column("meters", ARRAY(Integer), nullable=False),
    Index(None, "customer_no", "first_at"),
    comment="One row per customer × contract pin (0: none) × event name × set of matching meters × layer × stretch.",
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


def arrivals(import_id: int) -> Table:
    """The staging table of an import: one row per accepted row, shaped as ``events``, and where it was found."""
    return Table(f"arrivals_{import_id}", MetaData(), *_event_columns())


def arrival_bytes(import_id: int, *, is_temporary: bool = False) -> Table:
    """The untouched bytes of an import's accepted rows, kept only where a conflict would reject them."""
    return Table(
        f"arrival_bytes_{import_id}",
        MetaData(),
        Column("file_id", Integer, nullable=False),
        Column("row", BigInteger, nullable=False),
        Column("line", BigInteger),
        Column("byte_offset", BigInteger),
        Column("raw", LargeBinary),
        Column("raw_length", BigInteger, nullable=False),
        Column("raw_sha256", LargeBinary, nullable=False),
        prefixes=["TEMPORARY"] if is_temporary else [],
    )
