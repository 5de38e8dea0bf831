"""All that is ours lies in one schema; nothing outside it is read, changed or taken over."""

from __future__ import annotations

import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.flows.database.refusals import refusal
from tests.flows.desk import CALLS, Desk, catalog_of, event

THEIRS = """
    create table {0}.alembic_version (version_num text);
    create table {0}.events (id int);
    create table {0}.imports (id int);
    create table {0}.customers (id int);
    create table {0}.arrivals_2 (id int);
    create table {0}.arrivals (id int);
    create view {0}.usage_lines as select 1 as one;
"""
OUTSIDE = """
    select n.nspname, c.relname, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('usage_import', 'information_schema') and n.nspname !~ '^pg_' order by 1, 2
"""
IN_SCHEMA = (
    "select count(*) from pg_class where relname = 'usage_lines' and relnamespace = to_regnamespace('{}')"
)


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("public", "9999"),
        ('"$user", theirs, public', None),
        ("pg_catalog", "0001"),
        ("theirs", "ae1027a6acf"),
    ],
)
def test_tables_of_others_with_our_names_stay(empty_desk: Desk, path: str, version: str | None) -> None:
    """Tables of the names that we need are somebody else's wherever they lie, and stay as they are."""
    with empty_desk.connected() as connection:
        connection.execute(b"create schema theirs")
        for schema in ("public", "theirs"):
            connection.execute(THEIRS.format(schema).encode())
            if version is not None:
                connection.execute(f"insert into {schema}.alembic_version values ('{version}')".encode())
            connection.execute(f"insert into {schema}.events values (7)".encode())
        database = sql.Identifier(str(make_url(empty_desk.database_url).database))
        connection.execute(sql.SQL("alter database {} set search_path = ").format(database) + sql.SQL(path))
    before = empty_desk.select(OUTSIDE)
    empty_desk.catalog(catalog_of(CALLS))
    empty_desk.run(empty_desk.write("a.jsonl", event(), event()))
    empty_desk.run(empty_desk.write("b.jsonl", event(idempotencyKey="b")))
    assert empty_desk.quantity("calls") == "3"
    assert empty_desk.select(OUTSIDE) == before
    assert empty_desk.select("select (select id from public.events), (select id from theirs.events)") == [
        (7, 7)
    ]


def test_the_schema_may_have_another_name(empty_desk: Desk) -> None:
    """With USAGE_IMPORT_SCHEMA two installations share a database, and neither sees the other."""
    named = {"USAGE_IMPORT_SCHEMA": "billing_2"}
    empty_desk("catalog", empty_desk.write_catalog(catalog_of(CALLS)), environment=named)
    assert empty_desk.select(IN_SCHEMA.format("billing_2")) == [(1,)]
    assert empty_desk.select(IN_SCHEMA.format("usage_import")) == [(0,)]
    empty_desk.catalog(catalog_of(CALLS))
    empty_desk.run(empty_desk.write("a.jsonl", event()))
    assert len(empty_desk("imports", "--json").json) == 2
    assert len(empty_desk("imports", "--json", environment=named).json) == 1


@pytest.mark.parametrize(
    "name", ["pg_mine", "a b", "Über", "x;drop", "information_schema", "2nd", "s" * 64, '"a"']
)
def test_a_name_that_is_no_plain_schema_is_refused(desk: Desk, name: str) -> None:
    """The name of the schema is a plain one, or each command refuses it."""
    answer = desk("usage", exit_code=2, environment={"USAGE_IMPORT_SCHEMA": name})
    assert "USAGE_IMPORT_SCHEMA" in answer.err
    assert answer.err.count("\n") == 1


def test_a_schema_of_somebody_else_is_refused(empty_desk: Desk) -> None:
    """A schema that holds tables of somebody else is not taken over, whatever they are called."""
    with empty_desk.connected() as connection:
        connection.execute(THEIRS.format("public").encode())
    before = empty_desk.select(OUTSIDE)
    line = refusal(empty_desk, environment={"USAGE_IMPORT_SCHEMA": "public"})
    assert "the schema 'public' holds tables of something else" in line
    assert empty_desk.select(OUTSIDE) == before


def test_an_empty_schema_that_an_administrator_made_is_used(empty_desk: Desk) -> None:
    """A user who may make no schema uses one that was made for it."""
    with empty_desk.connected() as connection:
        connection.execute(b"create schema usage_import")
    empty_desk.catalog(catalog_of(CALLS))
    assert empty_desk.select(IN_SCHEMA.format("usage_import")) == [(1,)]


def test_views_of_users_stay(empty_desk: Desk) -> None:
    """A view of a user outside our schema, on our tables, is no obstacle."""
    empty_desk.catalog(catalog_of(CALLS))
    with empty_desk.connected() as connection:
        connection.execute(b"create view public.billed as select quantity from usage_import.usage_lines")
    empty_desk.run(empty_desk.write("a.jsonl", event()))
    assert empty_desk.select("select max(quantity::text) from public.billed") == [("1",)]
