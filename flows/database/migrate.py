"""Bring the schema of the database up to date."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from schemas.errors import ConfigurationError

SCHEMA_VERSION: Final = "0001"
"""The newest migration; versions are compared as texts."""

MIGRATIONS: Final = Path(__file__).parents[2] / "schemas" / "migrations"

OLDEST_SERVER: Final = 15

MIGRATION_LOCK: Final = 7_301_001


def migrate(engine: Engine, *, version: str = SCHEMA_VERSION) -> None:
    """Bring the schema up to ``version`` in one transaction; if it is there already, this costs one query.

    A lock lets one process migrate at a time. Raises ConfigurationError if the server or the database does not fit, or if
    its schema is newer than this program.
    """
    with engine.connect() as connection:
        if _schema_version(connection) == version:
            return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        _check_server(connection)
        current = _schema_version(connection)
        if current is not None and current > SCHEMA_VERSION:
            raise ConfigurationError(
                f"the database has schema {current}, newer than this usage-import knows ({SCHEMA_VERSION}); upgrade usage-import"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def _check_server(connection: Connection) -> None:
    """Raise ConfigurationError if the server is too old, or the database is not in UTF-8."""
    server = int(connection.scalar(text("show server_version_num")) or 0)
    if server < OLDEST_SERVER * 10_000:
        raise ConfigurationError(f"postgres {server // 10_000} is too old; use {OLDEST_SERVER} or newer")
    encoding = connection.scalar(text("show server_encoding"))
    if encoding != "UTF8":
        raise ConfigurationError(f"the database is encoded in {encoding}; create one with encoding 'UTF8'")


def _schema_version(connection: Connection) -> str | None:
    """Return the version of the schema in the database, or None if there is none yet."""
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    version: str | None = connection.scalar(text("select version_num from alembic_version"))
    return version
