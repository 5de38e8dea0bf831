"""Connect to the database of this installation: the configured Postgres, or the embedded one."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from flows.database.addresses import AMBIGUOUS, ENCODE, holds_secret, is_ambiguous
from flows.database.embedded.installation import DRIVER, URL_VARIABLE, WAY_OUT
from flows.database.embedded.programs import bin_dir
from flows.database.embedded.server import embedded_url
from flows.database.embedded.settings import EMBEDDED_LOCALE
from flows.database.errors import error_message
from flows.database.migrate import migrate
from flows.database.session import make_engine, place_of, schema_name
from schemas.errors import ConfigurationError, UsageImportError

WAYS_TO_ONE: Final = f"go to the folder of yours, or name it by USAGE_IMPORT_HOME or {URL_VARIABLE}; 'catalog' and 'run' make one"

LOCK_FOR_READING: Final = "lock table events, usage_lines, folded_matches in access share mode"
"""Locks the tables that a publish may otherwise truncate."""


def home(environ: Mapping[str, str]) -> Path:
    """Return the folder of the embedded Postgres and of everything else kept between commands.

    Raises ConfigurationError if the current folder is gone, or if the path is not UTF-8.
    """
    try:
        folder = Path(environ.get("USAGE_IMPORT_HOME") or ".usage-import").absolute()
    except FileNotFoundError:
        raise ConfigurationError(
            "the current folder is gone, it was deleted or moved; go to another one"
        ) from None
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{str(folder)!a} is not UTF-8; rename that folder, or {WAY_OUT}") from None
    return folder


@contextmanager
def open_database(environ: Mapping[str, str] | None = None, *, is_made: bool = True) -> Iterator[Engine]:
    """Open the database of this installation with its schema up to date.

    is_made: whether the database or the schema is made if there is none. Raises ConfigurationError if the configured URL is invalid, UsageImportError if the server does not answer or an error of
    Postgres ends the block.
    """
    environment = os.environ if environ is None else environ
    schema = schema_name(environment)
    embedded_in = None if _configured(environment) else home(environment)
    if embedded_in is not None and not is_made and not (embedded_in / "postgres" / "data").exists():
        raise UsageImportError(f"there is no database in {embedded_in}; {WAYS_TO_ONE}")
    with database_url(home(environment), environ=environment) as url:
        engine = make_engine(url, schema=schema, embedded_in=embedded_in)
        try:
            if not migrate(engine, schema, is_made=is_made):
                raise UsageImportError(f"there is no schema '{schema}' in {place_of(engine)}; {WAYS_TO_ONE}")
            yield engine
        except (DBAPIError, psycopg.Error) as error:
            raise UsageImportError(error_message(engine, error, schema=schema)) from error
        finally:
            engine.dispose()


@contextmanager
def one_state(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that reads the database as it is at one moment, whatever is published meanwhile.

    The tables are locked before the snapshot is taken: a snapshot does not protect from a truncate, after which the
    table would be empty in it too. A publish that finds the lock deletes the rows one by one instead.
    """
    connected = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with connected as connection, connection.begin():
        connection.execute(text(LOCK_FOR_READING))
        yield connection


@contextmanager
def database_url(home: Path, *, environ: Mapping[str, str]) -> Iterator[str]:
    """Give the SQLAlchemy URL (driver psycopg 3) of the Postgres to use, which runs while the context is open.

    It is `USAGE_IMPORT_DATABASE_URL` if that is set, else the server embedded in `home`, which is started if it does not
    run and is stopped by the last command on the machine that leaves it. A process that serves others (`usage-import up`)
    keeps the server running by keeping the context open. The URL is valid for this process and its children while the
    context is open: it may lead through a link made for them.

    Raises ConfigurationError if the configured URL is invalid, UsageImportError if the embedded server does not start.
    """
    configured = _configured(environ)
    if configured:
        yield _normalised(configured)
    else:
        with embedded_url(home, binaries=bin_dir(), locale=EMBEDDED_LOCALE) as url:
            yield url


def _configured(environ: Mapping[str, str]) -> str:
    return environ.get(URL_VARIABLE, "").strip()


def _normalised(configured: str) -> str:
    scheme = configured.partition(":")[0]
    if scheme not in {"postgresql", "postgres", DRIVER}:
        # Text that is no address at all may be a password, so it is not repeated.
        is_address = re.match(r"[a-z][a-z0-9+.-]{,40}://", configured) is not None
        found = f"starts with '{scheme}', not" if is_address else "does not start"
        raise ConfigurationError(f"{URL_VARIABLE}: the address {found} with 'postgresql://'")
    if is_ambiguous(configured):
        raise ConfigurationError(f"{URL_VARIABLE} {AMBIGUOUS}")
    try:
        url = make_url(configured).set(drivername=DRIVER)
        make_conninfo(**{name: value for name, value in url.query.items() if isinstance(value, str)})
    except (ArgumentError, ValueError, ProgrammingError) as error:
        # Only psycopg's message is repeated; the other errors may quote the password.
        is_quotable = isinstance(error, ProgrammingError) and not holds_secret(configured)
        detail = f" ({str(error).strip()})" if is_quotable else f"; {ENCODE}"
        raise ConfigurationError(
            f"{URL_VARIABLE} cannot be read as postgresql://user:password@host:port/database?option=value{detail}"
        ) from None
    return url.render_as_string(hide_password=False)
