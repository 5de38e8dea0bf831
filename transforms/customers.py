"""Which customer and which contract an id names: matched exactly; near misses are told, never mended."""

import unicodedata
from collections.abc import Iterable

import polars as pl

from schemas.rows import is_noted_unfit
from transforms.ids import identities


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


def near_misses(ids: Iterable[str], known: pl.Series) -> dict[str, str]:
    """Id → ``did you mean "…": differs by case`` for ids that differ from a known one only in writing."""
    wanted = pl.DataFrame({"id": sorted(set(ids))}, schema={"id": pl.String})
    held = pl.DataFrame({"known": known.drop_nulls().cast(pl.String)})
    pairs = wanted.with_columns(folded=_folded("id")).join(
        held.with_columns(folded=_folded("known")), on="folded"
    )
    near = pairs.filter(pl.col("id") != pl.col("known")).group_by("id").agg(pl.col("known").min())
    return {
        id_: f'did you mean "{other}": differs by {_difference(id_, other)}'
        for id_, other in near.iter_rows()
    }


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


def _folded(name: str) -> pl.Expr:
    return pl.col(name).str.normalize("NFKC").str.strip_chars().str.to_lowercase()


def _difference(one: str, other: str) -> str:
    """By what two ids differ that are the same once folded."""
    spaces = "outer spaces" if _outer_spaces(one) != _outer_spaces(other) else ""
    one, other = one.strip(), other.strip()
    if one == other:
        return spaces
    if one.lower() == other.lower():
        writing = "case"
    elif unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other):
        writing = "Unicode form"
    else:
        writing = "case and Unicode form"
    return f"{spaces} and {writing}" if spaces else writing


def _outer_spaces(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
