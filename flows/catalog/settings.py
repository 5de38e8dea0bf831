"""Read and change the settings in the database."""

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from schemas.errors import ConfigurationError
from schemas.settings import DEFAULTS, Setting
from schemas.tables.catalog import settings
from transforms.values.days import zone_named


def read_settings(connection: Connection) -> dict[Setting, str]:
    """Return every setting with its value, or its default if none was set."""
    stored = dict(connection.execute(select(settings.c.name, settings.c.value)).tuples().all())
    return {setting: stored.get(setting, DEFAULTS[setting]) for setting in Setting}


def billing_time_zone(connection: Connection) -> str:
    """Return the zone in which days and billing periods begin."""
    return read_settings(connection)[Setting.BILLING_TIME_ZONE]


def setting_named(name: str) -> Setting:
    """Return the setting of a name; raises ConfigurationError if there is none."""
    try:
        return Setting(name)
    except ValueError:
        raise ConfigurationError(f"unknown setting {name!r}; there is {', '.join(Setting)}") from None


def change_setting(connection: Connection, setting: Setting, value: str) -> None:
    """Store a value of a setting; raises ConfigurationError if the value is not valid."""
    zone_named(value)
    statement = insert(settings).values(name=setting.value, value=value)
    changed = {"value": statement.excluded.value, "changed_at": func.now()}
    connection.execute(statement.on_conflict_do_update(index_elements=[settings.c.name], set_=changed))
