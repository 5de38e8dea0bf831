"""Resolve the ids of customers and contracts in rows to the numbers that the database has for them."""

import polars as pl

from schemas.frames.rows import is_invalid_field
from transforms.values.ids import identities


def resolve_customers(
    rows: pl.DataFrame, *, customers: pl.DataFrame, contracts: pl.DataFrame
) -> pl.DataFrame:
    """Add the numbers (Int32) of the customers and contracts that rows name; null if a row names none, or by an invalid field.

    Adds ``customer_by_id`` and ``customer_by_external_id``, and the first of them that is there as ``customer_no``;
    ``contract_owner``, the customer whose contract it is, and ``contract_no`` if that is the row's customer.
    """
    rows = _look_up(rows, "customer_id", customers, key="id", numbers={"customer_by_id": "customer_no"})
    rows = _look_up(
        rows,
        "external_customer_id",
        customers,
        key="external_customer_id",
        numbers={"customer_by_external_id": "customer_no"},
    )
    rows = _look_up(
        rows,
        "contract_id",
        contracts,
        key="id",
        numbers={"contract_no": "contract_no", "contract_owner": "customer_no"},
    )
    rows = rows.with_columns(customer_no=pl.coalesce("customer_by_id", "customer_by_external_id"))
    is_own = pl.col("contract_owner") == pl.col("customer_no")
    return rows.with_columns(contract_no=pl.when(is_own).then("contract_no"))


def _look_up(
    rows: pl.DataFrame, name: str, known: pl.DataFrame, *, key: str, numbers: dict[str, str]
) -> pl.DataFrame:
    """Add columns of ``known`` (new name → its name there) to the rows whose id in ``name`` is the id in ``key``."""
    if rows[name].null_count() == len(rows):
        return rows.with_columns(pl.lit(None, pl.Int32).alias(column) for column in numbers)
    index = (
        known.filter(pl.col(key).is_not_null())
        .select(
            identities(key).alias("_identity"),
            *(pl.col(there).cast(pl.Int32).alias(column) for column, there in numbers.items()),
        )
        .unique("_identity", keep="first", maintain_order=True)
    )
    looked_up = rows.with_columns(pl.when(~is_invalid_field(name)).then(identities(name)).alias("_identity"))
    return looked_up.join(index, on="_identity", how="left", maintain_order="left").drop("_identity")
