"""The metadata of all tables, and the types that they share."""

from typing import Final

from sqlalchemy import DateTime, MetaData

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

INSTANT: Final = DateTime(timezone=True)
