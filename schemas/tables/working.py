"""The working tables: temporary tables through which the stages of a publish pass rows to one another.

Each is declared with its grain and its columns. The head of the statement in a ``.sql`` file says which one makes it
and which ones read it. Those that parallel workers of Postgres read are unlogged tables, dropped by the publish that
made them; all others are temporary and go with the transaction.
"""

from typing import Any, Final

from sqlalchemy import Column, MetaData, Table

working: Final = MetaData()


def _temporary(name: str, grain: str, *columns: Column[Any]) -> Table:
    """Declare a table that goes with the transaction."""
    return Table(name, working, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP", comment=grain)


def _unlogged(name: str, grain: str, *columns: Column[Any]) -> Table:
    """Declare a table that parallel workers can read, dropped by the publish that made it."""
    return Table(name, working, *columns, prefixes=["UNLOGGED"], comment=grain)


# --- identity: deduplicating an import ---------------------------------------------------------------------------


# --- usage: from events to lines ---------------------------------------------------------------------------------


# --- catalog: applying a folder ----------------------------------------------------------------------------------
