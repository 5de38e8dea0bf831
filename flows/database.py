"""The database: a connection to it, its schema brought up to date, and the lock of one import at a time."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from flows.postgres import database_url
from schemas.errors import ConfigurationError, UsageImportError

NAMING_OPTIONS: Final = ("host", "hostaddr", "port", "dbname", "user", "service")
"""What of an address's options names a database; all else is not shown."""

SCHEMA_VERSION: Final = "0001"
OLDEST_SERVER: Final = 15
MIGRATION_LOCK: Final = 7_301_001
IMPORT_LOCK: Final = 7_301_002
KEEP_TO_READ: Final = "lock table events, usage_lines, folded_matches in access share mode"


def home(environ: Mapping[str, str]) -> Path:
    """The folder of the embedded Postgres and of everything else kept between commands."""
    return Path(environ.get("USAGE_IMPORT_HOME") or ".usage-import").absolute()


@contextmanager
def open_database(environ: Mapping[str, str] | None = None) -> Iterator[Engine]:
    """The database of this installation, its schema up to date.

    Raises ConfigurationError for a URL that is none, UsageImportError where the server does not answer.
    """
    environment = os.environ if environ is None else environ
    with database_url(home(environment), environ=environment) as url:
        engine = create_engine(url, poolclass=NullPool, connect_args={"application_name": "usage-import"})
        event.listen(engine, "connect", speak_plainly)
        try:
            migrate(engine)
            yield engine
        except (DBAPIError, psycopg.Error) as error:
            raise UsageImportError(what_happened(engine, error)) from error
        finally:
            engine.dispose()


def speak_plainly(connection: DBAPIConnection, _: object) -> None:
    """Have a session tell instants in UTC and dates as ISO 8601, whatever its server, its database or its shell prefer."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(
            "select set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, YMD', false)"
        )
    connection.commit()


def what_happened(engine: Engine, error: Exception) -> str:
    """One line about an error of Postgres; never with the password."""
    said = error.orig if isinstance(error, DBAPIError) else error
    line = next(iter(str(said).strip().splitlines()), type(said).__name__).strip()
    if isinstance(said, psycopg.OperationalError) and said.sqlstate is None:
        where = database_name(engine)
        if "FATAL:" in line:
            return f"postgres at {where} lets nobody in: {line}; see that USAGE_IMPORT_DATABASE_URL is right"
        return f"postgres at {where} does not answer: {line}; see that it runs and that USAGE_IMPORT_DATABASE_URL is right"
    return (
        f"postgres refused: {line}; what was committed before is kept, so the same command can be run again"
    )


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; does nothing, and costs one query, where it is."""
    with engine.connect() as connection:
        if schema_version(connection) == SCHEMA_VERSION:
            return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "schemas" / "migrations"))
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        require_fit(connection)
        found = schema_version(connection)
        if found is not None and found > SCHEMA_VERSION:
            raise ConfigurationError(
                f"the database has schema {found}, newer than this usage-import knows ({SCHEMA_VERSION}); upgrade usage-import"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_fit(connection: Connection) -> None:
    """Raise ConfigurationError where the server is too old, or the database not in UTF-8."""
    server = int(connection.scalar(text("show server_version_num")) or 0)
    if server < OLDEST_SERVER * 10_000:
        raise ConfigurationError(f"postgres {server // 10_000} is too old; use {OLDEST_SERVER} or newer")
    encoding = connection.scalar(text("show server_encoding"))
    if encoding != "UTF8":
        raise ConfigurationError(f"the database is encoded in {encoding}; create one with encoding 'UTF8'")


def schema_version(connection: Connection) -> str | None:
    """The version of the schema in the database, None where there is none yet."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    version: str | None = connection.scalar(text("select version_num from alembic_version"))
    return version


@contextmanager
def one_state(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads the database as it is at one moment, whatever is published meanwhile.

    Emptied at a stroke, a table would be empty at that moment too; so the tables are held before it, and a publish deletes
    their rows one by one.
    """
    connected = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with connected as connection, connection.begin():
        connection.execute(text(KEEP_TO_READ))
        yield connection


@contextmanager
def import_lock(engine: Engine, *, wait: bool) -> Iterator[None]:
    """Hold the lock of one import at a time; raises UsageImportError where another holds it and `wait` is false."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if wait:
            connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": IMPORT_LOCK})
        elif not connection.scalar(text("select pg_try_advisory_lock(:lock)"), {"lock": IMPORT_LOCK}):
            raise UsageImportError(
                "another import is at work in this database; wait for it with --wait, or run this one later"
            )
        try:
            yield
        finally:
            # A closed connection gives its locks back a moment later, too late for the command after this one.
            with suppress(DBAPIError):
                connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": IMPORT_LOCK})


def database_name(engine: Engine) -> str:
    """The database as a person would name it, without secrets: they may stand among the options too."""
    url = make_url(engine.url).set(drivername="postgresql")
    shown = {name: value for name, value in url.query.items() if name in NAMING_OPTIONS}
    return url.set(query=shown).render_as_string(hide_password=True)
