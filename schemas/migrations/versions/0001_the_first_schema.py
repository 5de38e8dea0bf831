"""The first schema: catalog, imports, events and usage."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "catalog_versions",
        sa.Column("catalog_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clock", sa.DateTime(timezone=True), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("catalog_version", name=op.f("catalog_versions_pkey")),
        comment="One row per accepted catalog.",
    )
    op.create_table(
        "chunks",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("last_row", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("keyless", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "committed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("import_id", "file_id", "last_row", name=op.f("chunks_pkey")),
        comment="One row per chunk whose rows, rejections and checkpoint have been committed together.",
    )
    op.create_table(
        "customer_boundaries",
        sa.Column("customer_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("boundaries", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.PrimaryKeyConstraint("customer_no", name=op.f("customer_edges_pkey")),
        comment="One row per customer with a contract: where its contracts and their periods begin and end, in order.",
    )
    op.create_table(
        "events",
        sa.Column("key", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("customer_no", sa.Integer(), nullable=False),
        sa.Column("contract_no", sa.Integer(), nullable=True),
        sa.Column("is_keyless", sa.Boolean(), nullable=False),
        sa.Column("is_timestamp_omitted", sa.Boolean(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("record_version", sa.Text(), nullable=True),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        comment="One row per key: the version that counts, with the place (file_id, row) of its first occurrence.",
    )
    op.execute("alter table events set (fillfactor = 90)")
    op.create_index("events_at", "events", ["at"], unique=False, postgresql_using="brin")
    op.create_index("events_key", "events", ["key"], unique=True)
    op.create_table(
        "folded_matches",
        sa.Column("customer_no", sa.Integer(), nullable=False),
        sa.Column("pinned_contract_no", sa.Integer(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column("meters", postgresql.ARRAY(sa.Integer()), nullable=False),
        comment="One row per customer × contract pinned_contract_no (0: none) × event name × set of matching meters × layer × interval_no.",
    )
    op.create_index(
        op.f("folded_matches_customer_no_first_at_idx"),
        "folded_matches",
        ["customer_no", "first_at"],
        unique=False,
    )
    op.create_table(
        "folded_usage",
        sa.Column("customer_no", sa.Integer(), nullable=False),
        sa.Column("pinned_contract_no", sa.Integer(), nullable=False),
        sa.Column("meter_no", sa.Integer(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("unusable_count", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=True),
        sa.Column("group_key", sa.Text(), nullable=False),
        comment="One row per customer × contract pinned_contract_no (0: none) × meter × group × layer × interval_no between two boundaries.",
    )
    op.create_index(
        op.f("folded_usage_customer_no_meter_no_first_at_idx"),
        "folded_usage",
        ["customer_no", "meter_no", "first_at"],
        unique=False,
    )
    op.create_table(
        "mappings",
        sa.Column("mapping_digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("mapping_digest", name=op.f("mappings_pkey")),
        comment="One row per mapping that an import was run with.",
    )
    op.create_table(
        "rollup_state",
        sa.Column("is_only_row", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("billing_time_zone", sa.Text(), nullable=False),
        sa.Column("meters_digest", sa.Text(), nullable=False),
        sa.Column("catalog_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("is_only_row", name=op.f("rollup_state_pkey")),
        comment="One row: what the folded usage and the lines were last made from.",
    )
    op.create_table(
        "rolled_up_contracts",
        sa.Column("contract_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_no", sa.Integer(), nullable=False),
        sa.Column("plan_no", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Text(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("anchor", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("contract_no", name=op.f("rolled_up_contracts_pkey")),
        comment="One row per contract as the lines were last made from it.",
    )
    op.create_table(
        "rolled_up_meters",
        sa.Column("meter_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("aggregation", sa.Text(), nullable=False),
        sa.Column("is_supported", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("meter_no", name=op.f("rolled_up_meters_pkey")),
        comment="One row per meter as the lines were last made from it.",
    )
    op.create_table(
        "rolled_up_pricings",
        sa.Column("pricing_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("plan_no", sa.Integer(), nullable=False),
        sa.Column("meter_no", sa.Integer(), nullable=False),
        sa.Column("interval", sa.Text(), nullable=False),
        sa.Column("interval_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pricing_no", name=op.f("rolled_up_pricings_pkey")),
        comment="One row per pricing that carries usage, as the lines were last made from it.",
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("settings_pkey")),
        comment="One row per setting that changes numbers and differs from its default.",
    )
    op.create_table(
        "superseded",
        sa.Column("key", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("customer_no", sa.Integer(), nullable=False),
        sa.Column("contract_no", sa.Integer(), nullable=True),
        sa.Column("is_keyless", sa.Boolean(), nullable=False),
        sa.Column("is_timestamp_omitted", sa.Boolean(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), nullable=False),
        sa.Column("event_name", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("record_version", sa.Text(), nullable=True),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        comment="One row per version that does not count: superseded by a later one, or stale when it came.",
    )
    op.create_index(op.f("superseded_key_idx"), "superseded", ["key"], unique=False)
    op.create_table(
        "duplicates",
        sa.Column("key", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("version_row", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("version_file_id", sa.Integer(), nullable=False),
        sa.Column("record_version", sa.Text(), nullable=True),
        comment="One row per duplicate: it repeats the version that first occurred at (version_file_id, version_row).",
    )
    op.create_index(op.f("duplicates_key_idx"), "duplicates", ["key"], unique=False)
    op.create_table(
        "staged_catalogs",
        sa.Column("import_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("catalog_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", name=op.f("staged_catalogs_pkey")),
        comment="One row per import that was named with a changed catalog and is not published yet; digest is a hash of the changes.",
    )
    op.create_table(
        "staged_things",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        comment="One row per row of a catalog table that the import's catalog will write once the import is published.",
    )
    op.create_index(op.f("staged_things_import_id_idx"), "staged_things", ["import_id"])
    op.create_table(
        "usage_lines",
        sa.Column("line_id", sa.UUID(as_uuid=False), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("contract_no", sa.Integer(), nullable=False),
        sa.Column("pricing_no", sa.Integer(), nullable=False),
        sa.Column("meter_no", sa.Integer(), nullable=False),
        sa.Column("customer_no", sa.Integer(), nullable=False),
        sa.Column("period_start_on", sa.Date(), nullable=False),
        sa.Column("period_end_on", sa.Date(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=True),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("unusable_count", sa.BigInteger(), nullable=False),
        sa.Column("first_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_withdrawn", sa.Boolean(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("publish_no", sa.Integer(), nullable=False),
        sa.Column("replaced_publish_no", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("line_id", "revision", name=op.f("usage_lines_pkey")),
        comment="One row per revision of a usage line; the current one has no replaced_publish_no.",
    )
    op.create_index(
        "usage_lines_current",
        "usage_lines",
        ["customer_no"],
        unique=False,
        postgresql_where=sa.text("replaced_publish_no IS NULL"),
    )
    op.create_table(
        "catalog_changes",
        sa.Column("catalog_version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["catalog_version"],
            ["catalog_versions.catalog_version"],
            name=op.f("catalog_changes_catalog_version_fkey"),
        ),
        sa.PrimaryKeyConstraint("catalog_version", "kind", "id", name=op.f("catalog_changes_pkey")),
        comment="One row per thing that a catalog version added, changed (before and after) or pruned.",
    )
    op.create_table(
        "customers",
        sa.Column("customer_no", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("external_customer_id", sa.Text(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("catalog_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalog_version"],
            ["catalog_versions.catalog_version"],
            name=op.f("customers_catalog_version_fkey"),
        ),
        sa.PrimaryKeyConstraint("customer_no", name=op.f("customers_pkey")),
        sa.UniqueConstraint("external_customer_id", name=op.f("customers_external_customer_id_key")),
        sa.UniqueConstraint("id", name=op.f("customers_id_key")),
        comment="One row per customer.",
    )
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("clock", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worked_before", sa.Interval(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publish_no", sa.Integer(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mapping_digest", sa.Text(), nullable=True),
        sa.Column("catalog_version", sa.Integer(), nullable=True),
        sa.Column("catalog_digest", sa.Text(), nullable=True),
        sa.Column("max_rejected", sa.Numeric(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("software", sa.Text(), nullable=False),
        sa.Column("flow_run_id", sa.Text(), nullable=True),
        sa.Column("ledger", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("lines_changed", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mapping_digest"], ["mappings.mapping_digest"], name=op.f("imports_mapping_digest_fkey")
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("imports_pkey")),
        sa.UniqueConstraint("publish_no", name=op.f("imports_publish_no_key")),
        sa.UniqueConstraint("published_at", name=op.f("imports_published_at_key")),
        comment="One row per import or rollup: everything that publishes has its id here; worked_before is how long it was at work before resumed_at.",
    )
    op.create_table(
        "meters",
        sa.Column("meter_no", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("aggregation", sa.Text(), nullable=False),
        sa.Column("is_supported", sa.Boolean(), nullable=False),
        sa.Column("inactive_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("catalog_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalog_version"],
            ["catalog_versions.catalog_version"],
            name=op.f("meters_catalog_version_fkey"),
        ),
        sa.PrimaryKeyConstraint("meter_no", name=op.f("meters_pkey")),
        sa.UniqueConstraint("id", name=op.f("meters_id_key")),
        comment="One row per meter; it counts events dated before inactive_at.",
    )
    op.create_table(
        "plans",
        sa.Column("plan_no", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("catalog_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalog_version"], ["catalog_versions.catalog_version"], name=op.f("plans_catalog_version_fkey")
        ),
        sa.PrimaryKeyConstraint("plan_no", name=op.f("plans_pkey")),
        sa.UniqueConstraint("id", name=op.f("plans_id_key")),
        comment="One row per plan.",
    )
    op.create_table(
        "contracts",
        sa.Column("contract_no", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_no", sa.Integer(), nullable=False),
        sa.Column("plan_no", sa.Integer(), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("anchor", sa.Text(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("catalog_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["catalog_version"],
            ["catalog_versions.catalog_version"],
            name=op.f("contracts_catalog_version_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_no"], ["customers.customer_no"], name=op.f("contracts_customer_no_fkey")
        ),
        sa.ForeignKeyConstraint(["plan_no"], ["plans.plan_no"], name=op.f("contracts_plan_no_fkey")),
        sa.PrimaryKeyConstraint("contract_no", name=op.f("contracts_pkey")),
        sa.UniqueConstraint("id", name=op.f("contracts_id_key")),
        comment="One row per contract; end_on is exclusive, null if it rolls on; anchor is a date or a day of month.",
    )
    op.create_index(op.f("contracts_customer_no_idx"), "contracts", ["customer_no"], unique=False)
    op.create_table(
        "files",
        sa.Column("file_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("mapping_digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("first_import_id", sa.Integer(), nullable=False),
        sa.Column("published_import_id", sa.Integer(), nullable=True),
        sa.Column("set_aside_import_id", sa.Integer(), nullable=True),
        sa.Column("layer", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["first_import_id"], ["imports.import_id"], name=op.f("files_first_import_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["mapping_digest"], ["mappings.mapping_digest"], name=op.f("files_mapping_digest_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["published_import_id"], ["imports.import_id"], name=op.f("files_published_import_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["set_aside_import_id"], ["imports.import_id"], name=op.f("files_set_aside_import_id_fkey")
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("files_pkey")),
        sa.UniqueConstraint("sha256", "mapping_digest", name=op.f("files_sha256_mapping_digest_key")),
        comment="One row per file: its bytes under a mapping. file_id is its place, given when first listed, for good; the events of a layer are folded together.",
    )
    op.create_table(
        "pricings",
        sa.Column("pricing_no", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_no", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("meter_no", sa.Integer(), nullable=True),
        sa.Column("interval", sa.Text(), nullable=True),
        sa.Column("interval_count", sa.Integer(), nullable=True),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["meter_no"], ["meters.meter_no"], name=op.f("pricings_meter_no_fkey")),
        sa.ForeignKeyConstraint(
            ["plan_no"], ["plans.plan_no"], name=op.f("pricings_plan_no_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pricing_no", name=op.f("pricings_pkey")),
        sa.UniqueConstraint("plan_no", "id", name=op.f("pricings_plan_no_id_key")),
        comment="One row per pricing of a plan; meter_no, interval and interval_count only if it carries usage.",
    )
    op.create_table(
        "import_files",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("source_pin", sa.Text(), nullable=True),
        sa.Column("set_aside", sa.Text(), nullable=True),
        sa.Column("ledger", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["files.file_id"], name=op.f("import_files_file_id_fkey")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.import_id"], name=op.f("import_files_import_id_fkey")
        ),
        sa.PrimaryKeyConstraint("import_id", "file_id", name=op.f("import_files_pkey")),
        comment="One row per file that an import reads; its ledger once the import has ended, and why it was left out if it was.",
    )
    op.create_table(
        "rejections",
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("byte_offset", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("raw_length", sa.BigInteger(), nullable=False),
        sa.Column("raw_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("repeats_import_id", sa.Integer(), nullable=True),
        sa.Column("repeats_file_id", sa.Integer(), nullable=True),
        sa.Column("repeats_row", sa.BigInteger(), nullable=True),
        sa.Column("closed_import_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["closed_import_id"], ["imports.import_id"], name=op.f("rejections_closed_import_id_fkey")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.file_id"], name=op.f("rejections_file_id_fkey")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.import_id"], name=op.f("rejections_import_id_fkey")),
        sa.PrimaryKeyConstraint("import_id", "file_id", "row", name=op.f("rejections_pkey")),
        comment="One row per rejected row, with its untouched bytes (at most 64 KiB, their length and hash); a repeat names the open rejection that it repeats, a closed one the import that read its row again.",
    )
    op.create_index(op.f("rejections_raw_sha256_idx"), "rejections", ["raw_sha256"], unique=False)
