"""Connect to the database of this installation: the configured Postgres, or the embedded one."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from flows.database.embedded.installation import DRIVER, URL_VARIABLE
from flows.database.embedded.programs import bin_dir
from flows.database.embedded.server import embedded_url
from flows.database.embedded.settings import EMBEDDED_LOCALE
from flows.database.migrate import migrate
from schemas.errors import ConfigurationError, UsageImportError

NAMING_OPTIONS: Final = ("host", "hostaddr", "port", "dbname", "user", "service")
"""What of an address's options names a database; all else is not shown."""


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
        event.listen(engine, "connect", set_session_formats)
        try:
            migrate(engine)
            yield engine
        except (DBAPIError, psycopg.Error) as error:
            raise UsageImportError(what_happened(engine, error)) from error
        finally:
            engine.dispose()


def set_session_formats(connection: DBAPIConnection, _: object) -> None:
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


def database_name(engine: Engine) -> str:
    """The database as a person would name it, without secrets: they may stand among the options too."""
    url = make_url(engine.url).set(drivername="postgresql")
    shown = {name: value for name, value in url.query.items() if name in NAMING_OPTIONS}
    return url.set(query=shown).render_as_string(hide_password=True)


@contextmanager
def database_url(home: Path, *, environ: Mapping[str, str]) -> Iterator[str]:
    """Give the SQLAlchemy URL (driver psycopg 3) of the Postgres to use, which stays up while the context is open.

    It is `USAGE_IMPORT_DATABASE_URL` where that is set, else the server embedded in `home`, started where it does not run
    and stopped by the last command on the machine that leaves it. A process that serves others (`usage-import up`)
    holds the server by keeping the context open; a throw-away server is one whose home is a temporary folder. The URL is
    for this process and its children, and no longer than the context: it may go through a link made for them.

    Raises ConfigurationError for an address that is none of Postgres's, UsageImportError if the server does not come up.
    """
    configured = environ.get(URL_VARIABLE, "").strip()
    if configured:
        yield _normalised(configured)
    else:
        with embedded_url(home, binaries=bin_dir(), locale=EMBEDDED_LOCALE) as url:
            yield url


def _normalised(configured: str) -> str:
    scheme = configured.partition(":")[0]
    if scheme not in {"postgresql", "postgres", DRIVER}:
        # What is no address at all may be anything, a password too.
        is_address = re.match(r"[a-z][a-z0-9+.-]{,40}://", configured) is not None
        found = f"starts with '{scheme}', not" if is_address else "does not start"
        raise ConfigurationError(f"{URL_VARIABLE}: the address {found} with 'postgresql://'")
    try:
        url = make_url(configured).set(drivername=DRIVER)
        make_conninfo(**{name: value for name, value in url.query.items() if isinstance(value, str)})
    except (ArgumentError, ValueError, ProgrammingError) as error:
        # only psycopg's own words are repeated: the others may quote the password
        detail = f" ({str(error).strip()})" if isinstance(error, ProgrammingError) else ""
        raise ConfigurationError(
            f"{URL_VARIABLE} cannot be read as postgresql://user:password@host:port/database?option=value{detail}"
        ) from None
    return url.render_as_string(hide_password=False)
