"""List the events that are loaded."""

from typing import Any, Final

from sqlalchemy import Connection, text

from flows.catalog.lookup import CUSTOMERS_NAMED, refuse_unknown

LIST_EVENTS: Final = f"""
    select e.at as timestamp, e.event_name, c.id as customer_id, c.external_customer_id,
           case when e.is_keyless then 'derived-' || replace(e.key::text, '-', '') else e.idempotency_key end as key,
           e.properties::text as properties, k.id as contract_id, e.is_deleted, f.uri as file, e.row, f.published_import_id as import_id
    from events e
    join customers c using (customer_no) join files f using (file_id) left join contracts k using (contract_no)
    where (cast(:customer as text) is null or e.customer_no in ({CUSTOMERS_NAMED}))
        and (cast(:name as text) is null or e.event_name = :name)
    order by e.at, e.file_id, e.row limit :limit
"""


def list_events(
    connection: Connection, *, customer: str | None, name: str | None, limit: int
) -> list[dict[str, Any]]:
    """Loaded events in the order of their instants, their properties as exact JSON text; raises ConfigurationError for a customer that there is not."""
    refuse_unknown(connection, customer=customer)
    asked = {"customer": customer, "name": name, "limit": limit}
    return [dict(row) for row in connection.execute(text(LIST_EVENTS), asked).mappings()]
