"""Look up customers, contracts and meters by the ids that a person gives."""

from typing import Final

from sqlalchemy import Connection, text

from schemas.errors import ConfigurationError
from transforms.statements import statements
from transforms.values.ids import is_same_id

SQL: Final = statements("flows/catalog/lookup.sql")

CUSTOMERS_NAMED: Final = SQL["customers_named"].fill(
    is_id=is_same_id("id", ":customer"), is_external_id=is_same_id("external_customer_id", ":customer")
)
"""The numbers of the customers that ``:customer`` names."""

KNOWN: Final = {
    "customer": f"select exists ({CUSTOMERS_NAMED})",
    "contract": SQL["is_contract_known"].fill(is_id=is_same_id("id", ":contract")),
    "meter": SQL["is_meter_known"].fill(),
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
        if value is not None and not connection.scalar(text(KNOWN[kind]), {kind: value}):
            raise ConfigurationError(f"no {kind} {value!r} is in the catalog; check the spelling")
