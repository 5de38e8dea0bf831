"""List the events that are loaded."""

from typing import Any, Final

from sqlalchemy import Connection

from flows.catalog.lookup import CUSTOMERS_NAMED, refuse_unknown
from flows.database.execute import execute
from transforms.statements import statements

SQL: Final = statements("flows/usage/events.sql")


def list_events(
    connection: Connection, *, customer: str | None, name: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return loaded events in the order of their instants, their properties as exact JSON text.

    Raises ConfigurationError for a customer that the catalog does not have.
    """
    refuse_unknown(connection, customer=customer)
    names = {"customers_named": CUSTOMERS_NAMED}
    rows = execute(connection, SQL["list_events"], names, customer=customer, name=name, limit=limit)
    return [dict(row) for row in rows.mappings()]
