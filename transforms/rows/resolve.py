"""Resolve the customers and contracts that rows name."""

import polars as pl

from schemas.frames.rows import is_noted_unfit
from transforms.values.ids import identities


def resolve_customers(
    rows: pl.DataFrame, *, customers: pl.DataFrame, contracts: pl.DataFrame
) -> pl.DataFrame:
    """Puts Int32 numbers beside the rows, null where nothing is named or the field is unfit and so not looked up.

    ``customer_by_id``, ``customer_by_external_id``, and of these ``customer_no``; ``contract_owner``, whose customer's the
    contract is, and ``contract_no`` where that is this customer.
    """
    rows = _look_up(rows, "customer_id", customers, {"customer_no": "customer_by_id"}, key="id")
    told = {"customer_no": "customer_by_external_id"}
    rows = _look_up(rows, "external_customer_id", customers, told, key="external_customer_id")
    told = {"contract_no": "contract_no", "customer_no": "contract_owner"}
    rows = _look_up(rows, "contract_id", contracts, told, key="id")
    rows = rows.with_columns(customer_no=pl.coalesce("customer_by_id", "customer_by_external_id"))
    is_own = pl.col("contract_owner") == pl.col("customer_no")
    return rows.with_columns(contract_no=pl.when(is_own).then("contract_no"))


def _look_up(
    rows: pl.DataFrame, name: str, known: pl.DataFrame, told: dict[str, str], *, key: str
) -> pl.DataFrame:
    """Puts columns of what is known beside the rows whose id in ``name`` is that of its ``key``."""
    if rows[name].null_count() == len(rows):
        return rows.with_columns(pl.lit(None, pl.Int32).alias(column) for column in told.values())
    index = (
        known.filter(pl.col(key).is_not_null())
        .select(
            identities(key).alias("_matched"),
            *(pl.col(old).cast(pl.Int32).alias(new) for old, new in told.items()),
        )
        .unique("_matched", keep="first", maintain_order=True)
    )
    wanted = rows.with_columns(pl.when(~is_noted_unfit(name)).then(identities(name)).alias("_matched"))
    return wanted.join(index, on="_matched", how="left", maintain_order="left").drop("_matched")
