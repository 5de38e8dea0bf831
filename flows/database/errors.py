"""Say in one line why Postgres refused, and what to change; a password is never part of it."""

from typing import Final

import psycopg
from psycopg import errors
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from flows.database.embedded.installation import URL_VARIABLE

NAMING_OPTIONS: Final = ("host", "hostaddr", "port", "dbname", "user", "service")
"""The options of an address that name a database; no other option is printed."""

KEPT: Final = "what was committed before is kept"

AGAIN: Final = f"{KEPT}, so the same command can be run again"

TIMEOUTS: Final = (
    (errors.IdleInTransactionSessionTimeout, "idle_in_transaction_session_timeout"),
    (errors.IdleSessionTimeout, "idle_session_timeout"),
    (errors.LockNotAvailable, "lock_timeout"),
    (errors.QueryCanceled, "statement_timeout"),
)


def error_message(engine: Engine, error: Exception, *, schema: str) -> str:
    """Return one line about an error of Postgres, and what helps; running again is advised only where it does."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    line = next(iter(str(cause).strip().splitlines()), type(cause).__name__).strip()
    database = database_name(engine)
    if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
        if "FATAL:" in line:
            return f"postgres at {database} lets nobody in: {line}; see that {URL_VARIABLE} is right"
        return f"postgres at {database} does not answer: {line}; see that it runs and that {URL_VARIABLE} is right"
    return f"postgres refused: {line}; {_way_out(cause, line, database=database, schema=schema)}"


def database_name(engine: Engine) -> str:
    """Return the address of the database without secrets, which may also be among its options."""
    url = make_url(engine.url).set(drivername="postgresql")
    shown = {name: value for name, value in url.query.items() if name in NAMING_OPTIONS}
    return url.set(query=shown).render_as_string(hide_password=True)


def _way_out(cause: object, line: str, *, database: str, schema: str) -> str:
    """Return what to change after an error, or that the command can be run again."""
    if isinstance(cause, errors.InsufficientPrivilege):
        if "for database" in line:
            return f"grant its user CREATE on the database, or make the schema: create schema {schema} authorization <user>"
        return f"let the user of {URL_VARIABLE} own the schema {schema} and all that is in it, or grant it the right"
    if isinstance(cause, errors.ReadOnlySqlTransaction):
        return f"{database} is read-only (a replica, or default_transaction_read_only), and this command makes tables; name the primary"
    if isinstance(cause, errors.DuplicatePreparedStatement | errors.InvalidSqlStatementName):
        return (
            "a pooler gives each transaction another session; connect directly, or to a pool in session mode"
        )
    for kind, setting in TIMEOUTS:
        if isinstance(cause, kind) and "user request" not in line:
            return (
                f"raise {setting} for the user of {URL_VARIABLE}: alter role <user> set {setting} = 0; {KEPT}"
            )
    # Such errors pass: no room, no memory, no connection free, a server that is stopped, a deadlock.
    return AGAIN if isinstance(cause, psycopg.OperationalError) else KEPT
