"""Bring the schema of the database up to date."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from flows.database.execute import execute
from flows.database.session import DEFAULT_SCHEMA, SCHEMA_VARIABLE
from schemas.errors import ConfigurationError
from transforms.statements import statements

SQL: Final = statements("flows/database/migrate.sql")

SCHEMA_VERSION: Final = "0001"
"""The newest migration; versions are compared as texts."""

MIGRATIONS: Final = Path(__file__).parents[2] / "schemas" / "migrations"

OLDEST_SERVER: Final = 15

VERSION_TABLE: Final = "usage_import_version"
"""The table of Alembic, by a name of ours: another application's `alembic_version` is not taken for it."""

MIGRATION_LOCK: Final = 7_301_001


def migrate(
    engine: Engine, schema: str = DEFAULT_SCHEMA, *, version: str = SCHEMA_VERSION, is_made: bool = True
) -> bool:
    """Bring our schema up to ``version`` in one transaction, and return whether there is one now.

    If it is there already, this costs one query. If there is none and `is_made` is false, nothing is made.

    engine: its sessions find tables in the schema first. A lock lets one process migrate at a time.
    Raises ConfigurationError if the server or the database does not fit, if the schema holds tables of somebody else, or if it
    is newer than this program.
    """
    with engine.connect() as connection:
        if _schema_version(connection, schema) == version:
            return True
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        _check_server(connection)
        current = _schema_version(connection, schema)
        if current is None:
            has_schema = _find_empty(connection, schema)
            if not is_made:
                return False
            if not has_schema:
                connection.execute(text(f"create schema {schema}"))
        elif current > SCHEMA_VERSION:
            raise ConfigurationError(
                f"the database has schema {current}, newer than this usage-import knows ({SCHEMA_VERSION}); upgrade usage-import"
            )
        config.attributes.update(connection=connection, schema=schema, version_table=VERSION_TABLE)
        command.upgrade(config, version)
    return True


def _check_server(connection: Connection) -> None:
    """Raise ConfigurationError if the server is too old, or the database is not in UTF-8."""
    server = int(connection.scalar(text("show server_version_num")) or 0)
    if server < OLDEST_SERVER * 10_000:
        raise ConfigurationError(f"postgres {server // 10_000} is too old; use {OLDEST_SERVER} or newer")
    database, encoding = connection.execute(
        text("select current_database(), current_setting('server_encoding')")
    ).one()
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database '{database}' is encoded in {encoding}; create one with encoding 'UTF8'"
        )


def _find_empty(connection: Connection, schema: str) -> bool:
    """Return whether there is an empty schema of that name; raises ConfigurationError if it holds anything."""
    if connection.scalar(text("select to_regnamespace(:schema)"), {"schema": schema}) is None:
        return False
    if execute(connection, SQL["holds_anything"], schema=schema).scalar():
        raise ConfigurationError(
            f"the schema '{schema}' holds tables of something else; name one that is new or empty with {SCHEMA_VARIABLE}"
        )
    return True


def _schema_version(connection: Connection, schema: str) -> str | None:
    """Return the version of our schema in the database, or None if there is none yet."""
    table = f"{schema}.{VERSION_TABLE}"
    if connection.scalar(text("select to_regclass(:table)"), {"table": table}) is None:
        return None
    version: str | None = connection.scalar(text(f"select version_num from {table}"))
    return version
