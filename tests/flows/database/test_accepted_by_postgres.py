"""Postgres stores every value that sifting accepts, and SQL derives the same keys as Python."""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, literal, select
from sqlalchemy.pool import NullPool
from sqlalchemy.types import Uuid

from flows.database.migrate import VERSION_TABLE
from schemas.frames.chunk import RAW_KEPT_BYTES
from schemas.tables.metadata import metadata
from tests.transforms.sifting import event, json_chunk, sifted
from transforms.identity.keys import given_key, ordinal_key

Database = psycopg.Connection[tuple[object, ...]]
VALUES = [
    "0", "-0", "1e999", "1e-1000", "9" * 1000, "0." + "9" * 1000, "-" + "9" * 1000 + "." + "9" * 1000, "0e999999999999", "-0.0e-99999", "1." + "0" * 20_000, "1" + "0" * 999 + "e-1999", '""', '"\\ud83d\\ude00"',
    '"\\u0001\\u001f\\u007f"', '"\\\\u0000"', '"\\\\ud800"', '"\\uffff"', "true", "false", '"' + "x" * 1_000_000 + '"', "null", "1e1000", "1e131072", '"\\u0000"', '"\\ud800"', "NaN", "[1]", "{}",
]  # fmt: skip
NAMES = [
    "a",
    "",
    "é",
    '\\"',
    "\\ud83d\\ude00",
    "'; DROP TABLE events; --",
    "%s",
    "{}",
    "\\u0000",
    "x" * 10_000,
]


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    with psycopg.connect(postgres_url.replace("postgresql+psycopg:", "postgresql:")) as connection:
        yield connection


def test_accepted_properties_are_jsonb(database: Database) -> None:
    """`jsonb` takes every accepted text and keeps its numbers exactly."""
    rows = [event()[:-1] + b', "properties": {"v": %s}}' % value.encode() for value in VALUES]
    rows += [
        event()[:-1] + b', "properties": {"%s": null, "b": 1, "%s": 2}}' % (name.encode(), name.encode())
        for name in NAMES
    ]
    halves = sifted(json_chunk(rows))
    assert len(halves.accepted) == len(VALUES) - 8 + len(NAMES) - 1
    for text in halves.accepted["properties"]:
        stored = database.execute("SELECT %s::jsonb::text", (text,)).fetchone()
        assert stored is not None
        assert json.loads(str(stored[0]), parse_float=Decimal, parse_int=Decimal) == json.loads(text, parse_float=Decimal, parse_int=Decimal)  # fmt: skip


def test_texts_of_rejections_are_texts_to_postgres(database: Database) -> None:
    """Message, field and value of a rejection are valid `text`, whatever bytes the row has."""
    rows = [event(eventName="\0"), event(externalCustomerId="a\0b"), event(properties={"\0": None}), event(properties={"a": "\0"}), event(timestamp="\0"), b'{"\0', event(contractId="\ud800"), event(idempotencyKey="x" * (RAW_KEPT_BYTES + 1))]  # fmt: skip
    rejections = sifted(json_chunk(rows)).rejections
    assert len(rejections) == len(rows)
    for message, field, value in rejections.select("message", "field", "value").rows():
        stored = database.execute("SELECT %s::text, %s::text, %s::text", (message, field, value)).fetchone()
        assert stored == (message, field, value)


@pytest.mark.parametrize(
    ("ordinal", "expected"),
    [
        (2, "9c56e62c5e4a0bcec92e48ee181b53ba"),
        (3, hashlib.sha256(b"ordinal\0" + given_key("k") + b"\0\0\0\0\0\0\0\3").hexdigest()[:32]),
        (2**40, hashlib.sha256(b"ordinal\0" + given_key("k") + b"\0\0\1\0\0\0\0\0").hexdigest()[:32]),
    ],
)
def test_the_keys_of_equal_rows_have_not_changed(postgres_url: str, ordinal: int, expected: str) -> None:
    """The key of the n-th equal row is a hash of the first row's key and n, the same in every version: databases store it."""
    key = given_key("k")
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        made = connection.execute(
            select(ordinal_key(literal(key.hex(), Uuid(as_uuid=False)), literal(ordinal)))
        ).scalar_one()
    engine.dispose()
    assert str(made).replace("-", "") == expected


def test_the_migrations_make_the_declared_schema(database_url: str) -> None:
    """The migrations make exactly the tables, columns, keys and indexes that ``schemas.tables`` declares."""
    with create_engine(database_url, poolclass=NullPool).connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "version_table": VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
