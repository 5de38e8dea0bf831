"""Read the usage lines that an import changed, with their values before and after."""

from typing import Any, Final

from sqlalchemy import Connection, text

CHANGES_SHOWN: Final = 20


LARGEST_CHANGES: Final = """
    select k.id as customer_id, k.external_customer_id, c.id as contract_id, m.code as meter_code,
           l.group_key as "group", l.period_start_on, trim_scale(before.quantity)::text as quantity_before,
           trim_scale(l.quantity)::text as quantity, l.event_count - coalesce(before.event_count, 0) as more_events,
           l.is_withdrawn
    from usage_lines l
    left join usage_lines before on before.line_id = l.line_id and before.revision = l.revision - 1
    join customers k on k.customer_no = l.customer_no join contracts c on c.contract_no = l.contract_no
    join meters m on m.meter_no = l.meter_no
    where l.import_id = :import_id
    order by abs(l.event_count - coalesce(before.event_count, 0)) desc, c.id, m.code, l.period_start, l.group_key
    limit :limit
"""


def largest_changes(connection: Connection, import_id: int) -> list[dict[str, Any]]:
    """The lines that an import changed, those with the most events first."""
    asked = {"import_id": import_id, "limit": CHANGES_SHOWN}
    return [dict(row) for row in connection.execute(text(LARGEST_CHANGES), asked).mappings()]
