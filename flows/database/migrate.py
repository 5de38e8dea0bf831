"""Bring the schema of the database up to date."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text

from schemas.errors import ConfigurationError

SCHEMA_VERSION: Final = "0001"

OLDEST_SERVER: Final = 15

MIGRATION_LOCK: Final = 7_301_001


def migrate(engine: Engine) -> None:
    """Bring the schema up to date; does nothing, and costs one query, where it is."""
    with engine.connect() as connection:
        if schema_version(connection) == SCHEMA_VERSION:
            return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "schemas" / "migrations"))
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
