"""Write the message of a rejection, the field it names, and the value found there."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from schemas.frames.rows import FIELD_NAMES, TEXT_FIELDS, TEXT_LIMIT
from schemas.vocabulary import RejectionCode
from transforms.values.near_misses import near_misses
from transforms.values.text import visible

_Row = Mapping[str, Any]

_Told = tuple[str, str | None, str | None]


def give_reasons(
    refused: pl.DataFrame, *, customers: pl.DataFrame, contracts: pl.DataFrame, oldest: datetime | None
) -> pl.DataFrame:
    """One row per refused row, in order: ``message``, ``field``, ``value`` (String; the last two null where there is none)."""
    rows = refused.with_columns(oldest=pl.lit(oldest, pl.Datetime("us", "UTC")))
    rows = _hinted(rows, "customer_id", customers["id"])
    rows = _hinted(rows, "external_customer_id", customers["external_customer_id"])
    rows = _hinted(rows, "contract_id", contracts["id"])
    told = [_TELLERS[row["code"]](row) for row in rows.iter_rows(named=True)]
    return pl.DataFrame(
        [(message, field, None if value is None else visible(value)) for message, field, value in told],
        schema={"message": pl.String, "field": pl.String, "value": pl.String},
        orient="row",
    )


def _hinted(rows: pl.DataFrame, column: str, known: pl.Series) -> pl.DataFrame:
    """Puts beside an id that names nothing what it may have meant."""
    is_not_found = pl.col("code").is_in([RejectionCode.CUSTOMER_NOT_FOUND, RejectionCode.CONTRACT_NOT_FOUND])
    ids = rows.filter(is_not_found)[column].drop_nulls().unique()
    hints = near_misses(ids, known) if len(ids) else {}
    return rows.with_columns(
        pl.col(column).replace_strict(hints, default=None, return_dtype=pl.String).alias(f"{column}_hint")
    )


def _malformed(row: _Row) -> _Told:
    return visible(row["malformed"]), None, None


def _bare(code: RejectionCode, field: str) -> Callable[[_Row], _Told]:
    """A message that needs nothing beside its sentence."""
    return lambda _: (code.sentence, field, None)


def _customer_not_found(row: _Row) -> _Told:
    columns = {"customer_id": "customer_by_id", "external_customer_id": "customer_by_external_id"}
    column = next(
        column
        for column, found in columns.items()
        if row[column] is not None and row[found] is None and not _is_unfit(row, column)
    )
    return _not_found(RejectionCode.CUSTOMER_NOT_FOUND, column, row)


def _contract_not_found(row: _Row) -> _Told:
    if row["contract_owner"] is not None:
        row = {**row, "contract_id_hint": "it is another customer's"}
    return _not_found(RejectionCode.CONTRACT_NOT_FOUND, "contract_id", row)


def _not_found(code: RejectionCode, column: str, row: _Row) -> _Told:
    hint = row[f"{column}_hint"]
    told = f" ({visible(hint)})" if hint else ""
    return f"{code.sentence}: {_quoted(row[column])}{told}", FIELD_NAMES[column], row[column]


def _customer_mismatch(row: _Row) -> _Told:
    ids = f"{_quoted(row['customer_id'])} and {_quoted(row['external_customer_id'])}"
    return (
        f"{RejectionCode.CUSTOMER_MISMATCH.sentence}: {ids}",
        "externalCustomerId",
        row["external_customer_id"],
    )


def _timestamp(code: RejectionCode) -> Callable[[_Row], _Told]:
    return lambda row: (f"{code.sentence}: {_quoted(row['timestamp'])}", "timestamp", row["timestamp"])


def _too_old(row: _Row) -> _Told:
    oldest = row["oldest"].isoformat().replace("+00:00", "Z")
    message = f"{RejectionCode.TIMESTAMP_TOO_OLD.sentence} {oldest}: {_quoted(row['timestamp'])}"
    return message, "timestamp", row["timestamp"]


def _invalid_properties(row: _Row) -> _Told:
    message = f"{RejectionCode.INVALID_PROPERTIES.sentence}: {visible(row['properties_flaw'])}"
    name = row["properties_name"]
    return message, "properties" if name is None else f"properties.{visible(name)}", row["properties"]


def _invalid_field(row: _Row) -> _Told:
    column = next(name for name in row["unfit"].split(",") if name)
    field, value = FIELD_NAMES[column], row[column]
    is_unmade = row["unmade"] is not None and f",{column}," in row["unmade"]
    words = "is made of a column that is absent" if is_unmade else _unfitness(column, value)
    return f"{field} {words}: {_quoted(value)}", field, value


def _unfitness(column: str, value: str) -> str:
    if column == "version":
        return "must be a number or a timestamp"
    if column in TEXT_FIELDS and len(value) > TEXT_LIMIT:
        return f"must have at most {TEXT_LIMIT} characters, not {len(value):,}"
    if column in TEXT_FIELDS and re.search("[\x00-\x1f\x7f]", value):
        return "must not hold control characters"
    return "must be a text"


def _is_unfit(row: _Row, column: str) -> bool:
    return row["unfit"] is not None and f",{column}," in row["unfit"]


def _quoted(value: str) -> str:
    return f'"{visible(value)}"'


_TELLERS: dict[str, Callable[[_Row], _Told]] = {
    RejectionCode.MALFORMED_ROW: _malformed,
    RejectionCode.MISSING_EVENT_NAME: _bare(RejectionCode.MISSING_EVENT_NAME, "eventName"),
    RejectionCode.MISSING_CUSTOMER: _bare(RejectionCode.MISSING_CUSTOMER, "customerId"),
    RejectionCode.CUSTOMER_NOT_FOUND: _customer_not_found,
    RejectionCode.CUSTOMER_MISMATCH: _customer_mismatch,
    RejectionCode.INVALID_TIMESTAMP: _timestamp(RejectionCode.INVALID_TIMESTAMP),
    RejectionCode.TIMESTAMP_IN_FUTURE: _timestamp(RejectionCode.TIMESTAMP_IN_FUTURE),
    RejectionCode.TIMESTAMP_TOO_OLD: _too_old,
    RejectionCode.MISSING_TIMESTAMP: _bare(RejectionCode.MISSING_TIMESTAMP, "timestamp"),
    RejectionCode.INVALID_PROPERTIES: _invalid_properties,
    RejectionCode.INVALID_FIELD: _invalid_field,
    RejectionCode.CONTRACT_NOT_FOUND: _contract_not_found,
}
