"""Look up customers, contracts and meters by the ids that a person gives."""

from typing import Final

from sqlalchemy import Connection, text

from schemas.errors import ConfigurationError
from transforms.values.ids import is_same_id

CUSTOMERS_NAMED: Final = (
    f"select customer_no from customers where {is_same_id('id', ':customer')}"
    f" or {is_same_id('external_customer_id', ':customer')}"
)


KNOWN: Final = {
    "customer": f"select exists ({CUSTOMERS_NAMED})",
    "contract": f"select exists (select from contracts where {is_same_id('id', ':contract')})",
    "meter": "select exists (select from meters where code = :meter union all select from rolled_up_meters where code = :meter)",
}


def refuse_unknown(
    connection: Connection,
    *,
    customer: str | None = None,
    contract: str | None = None,
    meter: str | None = None,
) -> None:
    """Raise ConfigurationError for a customer, contract or meter that the catalog does not have.

    A filter with a misspelt name must not look like an empty answer.
    """
    for kind, value in (("customer", customer), ("contract", contract), ("meter", meter)):
        statement = KNOWN[kind]
        if value is not None and not connection.scalar(text(statement), {kind: value}):
            raise ConfigurationError(f"no {kind} {value!r} is in the catalog; check the spelling")
