"""An error of Postgres says what to change, and advises to run again only where that helps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg import sql
from sqlalchemy import make_url

from tests.flows.desk import CALLS, Desk, catalog_of, event

AGAIN = "can be run again"


@contextmanager
def guest(desk: Desk, *, rights: str = "") -> Iterator[str]:
    """Give the address of a database for a user with few rights, who is gone after the context."""
    name = sql.Identifier("guest_of_tests")
    with desk.connected() as connection:
        connection.execute(sql.SQL("create role {} login password 'guest'").format(name))
        try:
            if rights:
                connection.execute(rights.encode())
            yield (
                make_url(desk.database_url)
                .set(username="guest_of_tests", password="guest")
                .render_as_string(hide_password=False)
            )
        finally:
            connection.execute(sql.SQL("drop owned by {}").format(name))
            connection.execute(sql.SQL("drop role {}").format(name))


def told(desk: Desk, *command: str, url: str) -> str:
    """Return the one line with which a command fails at an address."""
    return desk(*command, exit_code=1, environment={"USAGE_IMPORT_DATABASE_URL": url}).err.splitlines()[-1]


def test_a_user_who_may_make_no_schema_learns_the_grant(empty_desk: Desk) -> None:
    """The right that is missing is named, with the way to make the schema for that user."""
    empty_desk.write_catalog(catalog_of(CALLS))
    with guest(empty_desk) as url:
        line = told(empty_desk, "catalog", str(empty_desk.folder / "catalog"), url=url)
    assert "create schema usage_import authorization" in line
    assert AGAIN not in line


def test_a_user_who_may_not_write_learns_what_is_needed(desk: Desk) -> None:
    """Running again does not help somebody without the right."""
    desk.catalog(catalog_of(CALLS))
    rights = "grant usage on schema usage_import to guest_of_tests; grant select on all tables in schema usage_import to guest_of_tests"
    with guest(desk, rights=rights) as url:
        line = told(desk, "run", str(desk.write("a.jsonl", event())), url=url)
    assert "permission denied" in line
    assert "grant" in line
    assert AGAIN not in line


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("default_transaction_read_only", "on", "name the primary"),
        ("statement_timeout", "1", "raise statement_timeout"),
    ],
)
def test_a_setting_in_the_way_is_named(desk: Desk, setting: str, value: str, words: str) -> None:
    """A read-only database, and one whose statements end too early, say what to change."""
    desk.catalog(catalog_of(CALLS))
    database = sql.Identifier(str(make_url(desk.database_url).database))
    with desk.connected() as connection:
        connection.execute(
            sql.SQL("alter database {} set {} = {}").format(database, sql.Identifier(setting), sql.SQL(value))
        )
    source = desk.write("a.jsonl", *(event(idempotencyKey=str(i)) for i in range(2_000)))
    line = told(desk, "run", str(source), url=desk.database_url)
    assert words in line
    assert AGAIN not in line


def test_a_read_only_database_is_read(desk: Desk) -> None:
    """The history and the events are read where nothing can be written; commands that need working tables name the primary."""
    desk.catalog(catalog_of(CALLS))
    import_id = str(desk.run(desk.write("a.jsonl", event()))["import_id"])
    with desk.connected() as connection:
        database = sql.Identifier(str(make_url(desk.database_url).database))
        connection.execute(
            sql.SQL("alter database {} set default_transaction_read_only = on").format(database)
        )
    for command in (
        ("events",),
        ("imports",),
        ("imports", "show", import_id),
        ("rejects", import_id),
        ("settings",),
    ):
        desk(*command)
    for command in (("usage",), ("unassigned",)):
        line = told(desk, *command, url=desk.database_url)
        assert "name the primary" in line
        assert AGAIN not in line
