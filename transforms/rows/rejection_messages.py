"""Write the message of a rejection, the field it names, and the value found there."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import polars as pl

from schemas.frames.instant import INSTANT
from schemas.frames.rows import FIELD_NAMES, TEXT_FIELDS, TEXT_LIMIT
from schemas.vocabulary import RejectionCode
from transforms.values.near_misses import near_misses
from transforms.values.text import excerpt

_Row = Mapping[str, Any]


EPOCH_DIGITS: Final = {"s": 11, "ms": 14, "us": 19}
"""The most digits of an epoch number in each unit, for times up to the year 5138."""


class _Message(NamedTuple):
    """A message, and the field and value it is about, if there are any."""

    text: str
    field: str | None = None
    value: str | None = None


def rejection_messages(
    refused: pl.DataFrame, *, customers: pl.DataFrame, contracts: pl.DataFrame, oldest: datetime | None
) -> pl.DataFrame:
    """Return one row per refused row, in order: ``message``, ``field``, ``value`` (String; the last two null if there are none)."""
    rows = refused.with_columns(oldest=pl.lit(oldest, INSTANT))
    rows = _with_hints(rows, "customer_id", customers["id"])
    rows = _with_hints(rows, "external_customer_id", customers["external_customer_id"])
    rows = _with_hints(rows, "contract_id", contracts["id"])
    messages = [_WRITERS[row["code"]](row) for row in rows.iter_rows(named=True)]
    return pl.DataFrame(
        [(text, field, None if value is None else excerpt(value)) for text, field, value in messages],
        schema={"message": pl.String, "field": pl.String, "value": pl.String},
        orient="row",
    )


def _with_hints(rows: pl.DataFrame, column: str, known: pl.Series) -> pl.DataFrame:
    """Add, as ``…_hint``, the known id that an unknown id in a column may stand for."""
    is_not_found = pl.col("code").is_in([RejectionCode.CUSTOMER_NOT_FOUND, RejectionCode.CONTRACT_NOT_FOUND])
    ids = rows.filter(is_not_found)[column].drop_nulls().unique()
    hints = near_misses(ids, known) if len(ids) else {}
    return rows.with_columns(
        pl.col(column).replace_strict(hints, default=None, return_dtype=pl.String).alias(f"{column}_hint")
    )


def _malformed(row: _Row) -> _Message:
    return _Message(excerpt(row["malformed"]))


def _only_sentence(code: RejectionCode, field: str) -> Callable[[_Row], _Message]:
    return lambda _: _Message(code.sentence, field)


def _customer_not_found(row: _Row) -> _Message:
    numbers = {"customer_id": "customer_by_id", "external_customer_id": "customer_by_external_id"}
    column = next(
        column
        for column, number in numbers.items()
        if row[column] is not None and row[number] is None and column not in _invalid_fields(row)
    )
    return _not_found(RejectionCode.CUSTOMER_NOT_FOUND, column, row)


def _contract_not_found(row: _Row) -> _Message:
    if row["contract_owner"] is not None:
        row = {**row, "contract_id_hint": "it is another customer's"}
    return _not_found(RejectionCode.CONTRACT_NOT_FOUND, "contract_id", row)


def _not_found(code: RejectionCode, column: str, row: _Row) -> _Message:
    hint = row[f"{column}_hint"]
    ending = f" ({excerpt(hint)})" if hint else ""
    return _Message(f"{code.sentence}: {_quoted(row[column])}{ending}", FIELD_NAMES[column], row[column])


def _customer_mismatch(row: _Row) -> _Message:
    external_id = row["external_customer_id"]
    text = f"{RejectionCode.CUSTOMER_MISMATCH.sentence}: {_quoted(row['customer_id'])} and {_quoted(external_id)}"
    return _Message(text, "externalCustomerId", external_id)


def _timestamp(code: RejectionCode) -> Callable[[_Row], _Message]:
    return lambda row: _Message(
        f"{code.sentence}: {_quoted(row['timestamp'])}{_unit_hint(row['timestamp'])}",
        "timestamp",
        row["timestamp"],
    )


def _unit_hint(text: str) -> str:
    """Return which unit of the mapping reads an epoch number, or an empty text for any other one."""
    if not re.fullmatch(r"[0-9]{9,19}", text):
        return ""
    unit = next(unit for unit, digits in EPOCH_DIGITS.items() if len(text) <= digits)
    return f' (an epoch number needs unit = "{unit}" in the mapping)'


def _too_old(row: _Row) -> _Message:
    oldest = row["oldest"].isoformat().replace("+00:00", "Z")
    text = f"{RejectionCode.TIMESTAMP_TOO_OLD.sentence} {oldest}: {_quoted(row['timestamp'])}"
    return _Message(text, "timestamp", row["timestamp"])


def _invalid_properties(row: _Row) -> _Message:
    text = f"{RejectionCode.INVALID_PROPERTIES.sentence}: {excerpt(row['properties_flaw'])}"
    name = row["properties_name"]
    field = "properties" if name is None else f"properties.{excerpt(name)}"
    return _Message(text, field, row["properties"])


def _invalid_field(row: _Row) -> _Message:
    column = _invalid_fields(row)[0]
    field, value = FIELD_NAMES[column], row[column]
    is_incomplete = column in (row["incomplete_fields"] or ())
    flaw = "is made of a column that is absent" if is_incomplete else _flaw(column, value)
    return _Message(f"{field} {flaw}: {_quoted(value)}", field, value)


def _flaw(column: str, value: str) -> str:
    if column == "version":
        return "must be a number or a timestamp"
    if column in TEXT_FIELDS and len(value) > TEXT_LIMIT:
        return f"must have at most {TEXT_LIMIT} characters, not {len(value):,}"
    if column in TEXT_FIELDS and re.search("[\x00-\x1f\x7f]", value):
        return "must not hold control characters"
    return "must be a text"


def _invalid_fields(row: _Row) -> list[str]:
    return row["invalid_fields"] or []


def _quoted(value: str) -> str:
    return f'"{excerpt(value)}"'


_WRITERS: dict[str, Callable[[_Row], _Message]] = {
    RejectionCode.MALFORMED_ROW: _malformed,
    RejectionCode.MISSING_EVENT_NAME: _only_sentence(RejectionCode.MISSING_EVENT_NAME, "eventName"),
    RejectionCode.MISSING_CUSTOMER: _only_sentence(RejectionCode.MISSING_CUSTOMER, "customerId"),
    RejectionCode.CUSTOMER_NOT_FOUND: _customer_not_found,
    RejectionCode.CUSTOMER_MISMATCH: _customer_mismatch,
    RejectionCode.INVALID_TIMESTAMP: _timestamp(RejectionCode.INVALID_TIMESTAMP),
    RejectionCode.TIMESTAMP_IN_FUTURE: _timestamp(RejectionCode.TIMESTAMP_IN_FUTURE),
    RejectionCode.TIMESTAMP_TOO_OLD: _too_old,
    RejectionCode.MISSING_TIMESTAMP: _only_sentence(RejectionCode.MISSING_TIMESTAMP, "timestamp"),
    RejectionCode.INVALID_PROPERTIES: _invalid_properties,
    RejectionCode.INVALID_FIELD: _invalid_field,
    RejectionCode.CONTRACT_NOT_FOUND: _contract_not_found,
}
