"""Make every session alike, whatever the shell, the role, the database or the server prefer."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from flows.database.embedded.installation import URL_VARIABLE
from flows.database.poolers import shares_sessions
from schemas.errors import ConfigurationError

SCHEMA_VARIABLE: Final = "USAGE_IMPORT_SCHEMA"

DEFAULT_SCHEMA: Final = "usage_import"

SCHEMA_NAME: Final = re.compile(r"(?!pg_|information_schema$)[a-z_][a-z0-9_]{,62}")

SETTINGS: Final = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "default_transaction_isolation": "read committed",
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "15",
}
"""All settings of a session that change how values are read or written, what a transaction sees, and how long it stays.

A session is idle while a file is read, or while it holds the import lock, for as long as the files take.
"""

SET: Final = (
    "select set_config(name, value, false) from unnest(%s::text[], %s::text[]) as setting (name, value)"
)

CHANGE_ROWS: Final = frozenset({"PGOPTIONS", "PGCLIENTENCODING", "PGDATESTYLE", "PGTZ", "PGGEQO"})
"""Variables of libpq that set a session's settings."""

LEAD_ELSEWHERE: Final = frozenset({"PGHOSTADDR", "PGSERVICE"})
"""Variables of libpq that lead to another server than the host that an address names."""

POOLED: Final = (
    f"{URL_VARIABLE} leads to a pooler that gives each transaction another session (as pgbouncer does in transaction mode); "
    "connect directly, or to a pool in session mode"
)

PLACE: Final = "place"
"""The option of engines and connections that names their database for people."""

EMBEDDED: Final = "the embedded database in"

_hiding: Final = Lock()


def schema_name(environ: Mapping[str, str]) -> str:
    """Return the name of the schema that all tables lie in; raises ConfigurationError if the configured one is no plain name."""
    name = environ.get(SCHEMA_VARIABLE, "").strip() or DEFAULT_SCHEMA
    if SCHEMA_NAME.fullmatch(name) is None:
        raise ConfigurationError(
            f"{SCHEMA_VARIABLE} {name!r} is no name for a schema; use up to 63 lower-case letters, digits and "
            "underscores, with no digit and no pg_ at the beginning"
        )
    return name


def make_engine(url: str, *, schema: str = DEFAULT_SCHEMA, embedded_in: Path | None = None) -> Engine:
    """Make an engine whose sessions find our tables in a schema, and no others.

    Temporary tables are found before those of the schema, as everywhere in Postgres.
    embedded_in: the home of our own server, which no variable of the shell concerns; None for any other server.
    """
    is_embedded = embedded_in is not None
    engine = create_engine(
        url,
        poolclass=NullPool,
        connect_args={"application_name": "usage-import", "client_encoding": "UTF8"},
        execution_options={PLACE: f"{EMBEDDED} {embedded_in}" if is_embedded else _host_and_database(url)},
    )
    hidden = {name for name in os.environ if name.startswith("PG")} if is_embedded else _disturbing(url)

    looked_at: list[str] = []

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: Dialect, _: ConnectionPoolEntry, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> psycopg.Connection[Any]:
        def connected() -> Any:
            with without_variables(hidden):
                return dialect.connect(*arguments, **options)

        connection: psycopg.Connection[Any] = connected()
        if not looked_at:
            if not is_embedded and shares_sessions(connection, connected):
                connection.close()
                raise ConfigurationError(POOLED)
            looked_at.append(url)
        settings = SETTINGS | {"search_path": schema}
        with closing(connection.cursor()) as cursor:
            cursor.execute(SET, [list(settings), list(settings.values())])
        connection.commit()
        return connection

    return engine


def place_of(database: Engine | Connection) -> str:
    """Return the name of a database for people: its host and name, or the folder of the embedded one."""
    return str(database.get_execution_options().get(PLACE, ""))


@contextmanager
def without_variables(names: Collection[str]) -> Iterator[None]:
    """Take variables out of the environment of this process for a moment; libpq reads them when it connects."""
    if not any(name in os.environ for name in names):
        yield
        return
    with _hiding:
        taken = {name: os.environ.pop(name) for name in names if name in os.environ}
        try:
            yield
        finally:
            os.environ.update(taken)


def _disturbing(url: str) -> frozenset[str]:
    """Return the names of the variables that libpq must not see when it connects to an address."""
    address = make_url(url)
    names_host = address.host or {"host", "hostaddr", "service"} & address.query.keys()
    return CHANGE_ROWS | (LEAD_ELSEWHERE if names_host else frozenset())


def _host_and_database(url: str) -> str:
    """Return the database and the host that an address names, without its user and its password."""
    address = make_url(url)
    named = {name: address.query.get(name) for name in ("host", "hostaddr", "service", "dbname")}
    host = address.host or named["host"] or named["hostaddr"] or named["service"] or "the default host"
    return f"database {address.database or named['dbname'] or address.username or 'by default'} on {host}"
