"""The tables of the catalog and the settings."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Identity,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from schemas.tables.metadata import INSTANT, metadata

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", INSTANT, nullable=False, server_default=func.now()),
    comment="One row per setting that changes numbers and differs from its default.",
)

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
    comment="One row per pricing of a plan; meter_no, interval and interval_count only if it carries usage.",
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
    comment="One row per contract; end_on is exclusive, null if it rolls on; anchor is a date or a day of month.",
)

staged_catalogs = Table(
    "staged_catalogs",
    metadata,
    Column("import_id", Integer, primary_key=True, autoincrement=False),
    Column("catalog_version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("folder", Text, nullable=False),
    comment="One row per import that was named with a changed catalog and is not published yet; digest is a hash of the changes.",
)

staged_things = Table(
    "staged_things",
    metadata,
    Column("import_id", Integer, nullable=False, index=True),
    Column("table_name", Text, nullable=False),
    Column("row", JSONB, nullable=False),
    comment="One row per row of a catalog table that the import's catalog will write once the import is published.",
)
