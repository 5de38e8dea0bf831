"""The rows of a chunk on their way through sifting, and the rules that a row must keep to be accepted.

``READ`` is a polars schema, for it only names columns. The rules are a pandera schema, for it judges every row and reports
each broken rule by name.
"""

from datetime import datetime
from typing import Final

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from schemas.frames.instant import INSTANT
from schemas.vocabulary import RejectionCode

TEXT_LIMIT = 255
"""The code points that a text field may have."""

FIELD_NAMES: Final = {
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

EVENT_COLUMNS: Final = tuple(column for column in FIELD_NAMES if column != "version")
"""The fields that an event itself has; a version comes from a mapping only."""

TEXT_FIELDS: Final = ("event_name", "customer_id", "external_customer_id", "idempotency_key", "contract_id")
"""The columns of the fields that are text, in the order in which they are judged."""

READ: Final = pl.Schema(
    {
        "malformed": pl.String(),
        "invalid_fields": pl.List(pl.String()),
        "incomplete_fields": pl.List(pl.String()),
        **dict.fromkeys(EVENT_COLUMNS, pl.String()),
    }
)
"""One row per row of a chunk: its fields as texts, null if absent.

``malformed`` says why the row cannot be read. ``invalid_fields`` names the columns of fields whose type or length is wrong,
and ``incomplete_fields`` those of them that a template makes of an absent column; each is null if it names none.
"""


def is_valid_text(name: str) -> pl.Expr:
    """Return whether a text field is absent, or has 1–255 code points and no control character."""
    text = pl.col(name)
    has_control = text.str.contains(r"[\x00-\x1f\x7f]")
    return text.is_null() | ((text.str.len_chars() <= TEXT_LIMIT) & ~has_control)


def is_invalid_field(name: str) -> pl.Expr:
    """Return whether ``invalid_fields`` names a field: it is present, but it is not looked up."""
    return pl.col("invalid_fields").list.contains(name).fill_null(False)


def row_rules(
    *, latest: datetime, oldest: datetime | None, is_timestamp_required: bool
) -> pa.DataFrameSchema:
    """Return the rules of a frame with one row per row of a source, read and resolved but not yet accepted.

    A failing check's name is the rejection's code. ``latest`` and ``oldest`` bound ``at``, both included.
    """
    codes = RejectionCode
    has_id, has_external_id = (
        pl.col("customer_id").is_not_null(),
        pl.col("external_customer_id").is_not_null(),
    )
    at, is_omitted = pl.col("at"), pl.col("timestamp").is_null()
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
                _rule(codes.INVALID_TIMESTAMP, is_omitted | at.is_not_null() | is_invalid_field("timestamp")),
                *([_rule(codes.MISSING_TIMESTAMP, ~is_omitted)] if is_timestamp_required else []),
            ),
            "at": _column(
                INSTANT,
                _rule(codes.TIMESTAMP_IN_FUTURE, at.is_null() | is_omitted | (at <= latest)),
                *(
                    []
                    if oldest is None
                    else [_rule(codes.TIMESTAMP_TOO_OLD, at.is_null() | is_omitted | (at >= oldest))]
                ),
            ),
            "properties": _column(pl.String),
            "properties_flaw": _column(
                pl.String, _rule(codes.INVALID_PROPERTIES, pl.col("properties_flaw").is_null())
            ),
            "invalid_fields": _column(
                pl.List(pl.String), _rule(codes.INVALID_FIELD, pl.col("invalid_fields").is_null())
            ),
            "contract_id": _column(pl.String),
            "contract_no": _column(
                pl.Int32, _rule(codes.CONTRACT_NOT_FOUND, _is_known("contract_no", "contract_id"))
            ),
            "idempotency_key": _column(pl.String),
        },
        name="rows",
    )


def _is_known(number: str, name: str) -> pl.Expr:
    """Return whether an id that is present and valid names something."""
    return pl.col(name).is_null() | is_invalid_field(name) | pl.col(number).is_not_null()


def _rule(code: RejectionCode, holds: pl.Expr) -> pa.Check:
    """Return a check that also fails if it evaluates to null."""

    def check(data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(holds.fill_null(False))

    return pa.Check(check, name=code.value, ignore_na=False)


def _column(dtype: pl.DataType | type[pl.DataType], *rules: pa.Check) -> pa.Column:
    return pa.Column(dtype, checks=list(rules), nullable=True)
