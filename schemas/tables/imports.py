"""The tables of imports, their files, chunks and rejections."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from schemas.tables.metadata import INSTANT, metadata

mappings = Table(
    "mappings",
    metadata,
    Column("mapping_digest", Text, primary_key=True),
    Column("name", Text),
    Column("document", JSONB, nullable=False),
    comment="One row per mapping that an import was run with.",
)

imports = Table(
    "imports",
    metadata,
    Column("import_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("clock", INSTANT, nullable=False),
    Column("started_at", INSTANT, nullable=False, server_default=func.now()),
    Column("resumed_at", INSTANT),
    Column("worked_before", Interval, nullable=False, server_default="0"),
    Column("finished_at", INSTANT),
    Column("publish_no", Integer, unique=True),
    Column("published_at", INSTANT, unique=True),
    Column("sources", JSONB, nullable=False),
    Column("mapping_digest", ForeignKey(mappings.c.mapping_digest)),
    Column("catalog_version", Integer),
    Column("catalog_digest", Text),
    Column("max_rejected", Numeric),
    Column("reason", Text),
    Column("user_name", Text),
    Column("host", Text),
    Column("software", Text, nullable=False),
    Column("flow_run_id", Text),
    Column("ledger", JSONB(none_as_null=True)),
    Column("lines_changed", Integer),
    Column("failure", Text),
    comment="One row per import or rollup: everything that publishes has its id here; worked_before is how long it was "
    "at work before resumed_at.",
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
    Column("set_aside_import_id", ForeignKey(imports.c.import_id)),
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
    Column("source_pin", Text),
    Column("set_aside", Text),
    Column("ledger", JSONB(none_as_null=True)),
    comment="One row per file that an import reads; its ledger once the import has ended, and why it was left out if it was.",
)

chunks = Table(
    "chunks",
    metadata,
    Column("import_id", Integer, primary_key=True),
    Column("file_id", Integer, primary_key=True),
    Column("last_row", BigInteger, primary_key=True),
    Column("bytes_read", BigInteger, nullable=False),
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
    comment="One row per rejected row, with its untouched bytes (at most 64 KiB, their length and hash); "
    "a repeat names the open rejection that it repeats, a closed one the import that read its row again.",
)
