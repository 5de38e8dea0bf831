"""The rules of a row: what a telling of an event must hold to be accepted, each rule named by its rejection code."""

from datetime import datetime

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from schemas.vocabulary import RejectionCode

TEXT_LIMIT = 255
"""Code points a text field may have."""

FIELD_NAMES = {
    "event_name": "eventName",
    "customer_id": "customerId",
    "external_customer_id": "externalCustomerId",
    "timestamp": "timestamp",
    "properties": "properties",
    "idempotency_key": "idempotencyKey",
    "contract_id": "contractId",
    "version": "version",
}
"""Column → the field's name in an export. The column's name is also the older spelling of the field."""

TEXT_FIELDS = ("event_name", "customer_id", "external_customer_id", "idempotency_key", "contract_id")
"""Columns of the fields that are text; looked at in this order."""

INSTANT = pl.Datetime("us", "UTC")


def is_fit(name: str) -> pl.Expr:
    """A text field is absent, or 1–255 code points without control characters."""
    text = pl.col(name)
    has_control = text.str.contains(r"[\x00-\x1f\x7f]")
    return text.is_null() | ((text.str.len_chars() <= TEXT_LIMIT) & ~has_control)


def is_noted_unfit(name: str) -> pl.Expr:
    """The field is of a wrong type or length, or could not be made: it is present, and is not looked up."""
    return pl.col("unfit").str.contains(f",{name},", literal=True).fill_null(False)


def row_rules(
    *, latest: datetime, oldest: datetime | None, is_timestamp_required: bool
) -> pa.DataFrameSchema:
    """One row per row of a source, read and resolved but not yet accepted.

    A failing check's name is the rejection's code. ``latest`` and ``oldest`` bound ``at``, both included.
    """
    codes = RejectionCode
    has_id, has_external_id = (
        pl.col("customer_id").is_not_null(),
        pl.col("external_customer_id").is_not_null(),
    )
    at, omitted = pl.col("at"), pl.col("timestamp").is_null()
    return pa.DataFrameSchema(
        {
            "malformed": _column(pl.String, _rule(codes.MALFORMED_ROW, pl.col("malformed").is_null())),
            "event_name": _column(
                pl.String, _rule(codes.MISSING_EVENT_NAME, pl.col("event_name").is_not_null())
            ),
            "customer_id": _column(pl.String, _rule(codes.MISSING_CUSTOMER, has_id | has_external_id)),
            "external_customer_id": _column(pl.String),
            "customer_by_id": _column(
                pl.Int32, _rule(codes.CUSTOMER_NOT_FOUND, _is_known("customer_by_id", "customer_id"))
            ),
            "customer_by_external_id": _column(
                pl.Int32,
                _rule(codes.CUSTOMER_NOT_FOUND, _is_known("customer_by_external_id", "external_customer_id")),
                _rule(
                    codes.CUSTOMER_MISMATCH,
                    pl.any_horizontal(
                        pl.col("customer_by_id").is_null(),
                        pl.col("customer_by_external_id").is_null(),
                        pl.col("customer_by_id") == pl.col("customer_by_external_id"),
                    ),
                ),
            ),
            "timestamp": _column(
                pl.String,
                _rule(codes.INVALID_TIMESTAMP, omitted | at.is_not_null() | is_noted_unfit("timestamp")),
                *([_rule(codes.MISSING_TIMESTAMP, ~omitted)] if is_timestamp_required else []),
            ),
            "at": _column(
                INSTANT,
                _rule(codes.TIMESTAMP_IN_FUTURE, at.is_null() | omitted | (at <= latest)),
                *(
                    []
                    if oldest is None
                    else [_rule(codes.TIMESTAMP_TOO_OLD, at.is_null() | omitted | (at >= oldest))]
                ),
            ),
            "properties": _column(pl.String),
            "properties_flaw": _column(
                pl.String, _rule(codes.INVALID_PROPERTIES, pl.col("properties_flaw").is_null())
            ),
            "unfit": _column(pl.String, _rule(codes.INVALID_FIELD, pl.col("unfit").is_null())),
            "contract_id": _column(pl.String),
            "contract_no": _column(
                pl.Int32, _rule(codes.CONTRACT_NOT_FOUND, _is_known("contract_no", "contract_id"))
            ),
            "idempotency_key": _column(pl.String),
        },
        name="rows",
    )


def _is_known(number: str, name: str) -> pl.Expr:
    """An id that is given, and fit to be looked up, names something."""
    return pl.col(name).is_null() | is_noted_unfit(name) | pl.col(number).is_not_null()


def _rule(code: RejectionCode, holds: pl.Expr) -> pa.Check:
    """A check that also fails where it cannot be evaluated: null is never valid."""

    def check(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(holds.fill_null(False))

    return pa.Check(check, name=code.value, ignore_na=False)


def _column(dtype: pl.DataType | type[pl.DataType], *rules: pa.Check) -> pa.Column:
    return pa.Column(dtype, checks=list(rules), nullable=True)
