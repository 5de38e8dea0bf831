"""The rules of a row are checks of pandera, each named by its code."""

from datetime import UTC, datetime
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from schemas.frames.rows import _rule, is_valid_text, row_rules
from schemas.vocabulary import RejectionCode
from transforms.rows.validate import validate

AT = datetime(2025, 1, 1, tzinfo=UTC)
STRICT = row_rules(latest=AT, oldest=AT, is_timestamp_required=True)
LENIENT = row_rules(latest=AT, oldest=None, is_timestamp_required=False)
ROW = {
    "malformed": None, "event_name": "call", "customer_id": None, "external_customer_id": "acme", "customer_by_id": None, "customer_by_external_id": 1,
    "timestamp": "2025-01-01T00:00:00Z", "at": AT, "properties": "{}", "properties_flaw": None, "invalid_fields": None, "contract_id": None, "contract_no": None, "idempotency_key": None,
}  # fmt: skip


def code_of(rules: pa.DataFrameSchema, **change: object) -> str | None:
    schema = {name: column.dtype.type for name, column in rules.columns.items()}
    halves = validate(pl.DataFrame([ROW | change], schema=schema, orient="row"), rules)
    assert len(halves.accepted) + len(halves.refused) == 1
    return None if len(halves.accepted) else str(halves.refused["code"][0])


def declared(rules: pa.DataFrameSchema) -> set[str]:
    return {str(check.name) for column in rules.columns.values() for check in column.checks}


def test_every_code_that_a_row_alone_can_have_is_a_declared_check() -> None:
    """Only a conflict needs another row; a floor and a required timestamp are rules only if a source sets them."""
    assert declared(STRICT) == {code.value for code in RejectionCode} - {"conflict"}
    assert declared(STRICT) - declared(LENIENT) == {"timestamp_too_old", "missing_timestamp"}


def test_codes_are_in_order_of_precedence() -> None:
    """The first that applies is the code of the row."""
    assert list(RejectionCode) == [
        "malformed_row", "missing_event_name", "missing_customer", "customer_not_found", "customer_mismatch", "invalid_timestamp", "timestamp_in_future",
        "timestamp_too_old", "missing_timestamp", "invalid_properties", "invalid_field", "contract_not_found", "conflict",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None), ({"malformed": "x"}, "malformed_row"), ({"event_name": None}, "missing_event_name"), ({"external_customer_id": None, "customer_by_external_id": None}, "missing_customer"),
        ({"customer_by_external_id": None}, "customer_not_found"), ({"customer_id": "x"}, "customer_not_found"), ({"customer_id": "x", "customer_by_id": 2}, "customer_mismatch"), ({"customer_id": "x", "customer_by_id": 1}, None),
        ({"at": None}, "invalid_timestamp"), ({"at": AT.replace(microsecond=1)}, "timestamp_in_future"), ({"at": AT.replace(year=2024)}, "timestamp_too_old"), ({"timestamp": None}, "missing_timestamp"),
        ({"properties_flaw": "x"}, "invalid_properties"), ({"invalid_fields": ["event_name"]}, "invalid_field"), ({"contract_id": "x"}, "contract_not_found"), ({"contract_id": "x", "contract_no": 7}, None),
        ({"invalid_fields": ["contract_id"], "contract_id": "x"}, "invalid_field"), ({"invalid_fields": ["external_customer_id"], "customer_by_external_id": None}, "invalid_field"), ({"invalid_fields": ["timestamp"], "at": None}, "invalid_field"),
        ({"malformed": "x", "event_name": None, "external_customer_id": None}, "malformed_row"),
    ],
)  # fmt: skip
def test_rules(change: dict[str, object], code: str | None) -> None:
    """One row, one change, one code."""
    assert code_of(STRICT, **change) == code


def test_a_rule_that_cannot_be_evaluated_rejects() -> None:
    """Null is never valid: a null instant fails beside a timestamp that is present."""
    assert code_of(LENIENT, at=None) == "invalid_timestamp"
    assert code_of(LENIENT, timestamp=None, at=None) is None
    rule = _rule(RejectionCode.CONFLICT, pl.col("a") > 1)
    rules = pa.DataFrameSchema({"a": pa.Column(pl.Int64, checks=rule, nullable=True)})
    assert validate(pl.DataFrame({"a": [None, 1, 2]}), rules).refused["a"].to_list() == [None, 1]
    with pytest.raises(SchemaErrors):
        validate(pl.DataFrame({"a": ["x"]}), rules)


@pytest.mark.parametrize(
    "setting", [{"validation_enabled": False}, {"validation_depth": ValidationDepth.SCHEMA_ONLY}]
)
def test_no_setting_of_the_environment_turns_rules_off(setting: dict[str, Any]) -> None:
    """pandera can be configured to check nothing; here it checks nevertheless."""
    with config_context(**setting):
        assert code_of(STRICT, event_name=None) == "missing_event_name"


def test_valid_texts() -> None:
    """Absent, or at most 255 code points (not bytes) without U+0000–1F and U+007F."""
    texts = pl.DataFrame(
        {"t": [None, "x" * 255, "é" * 255, "x" * 256, "a\x1f", "a\x7f", "\x00", "\x80", " "]}
    )
    assert texts.select(is_valid_text("t"))["t"].to_list() == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
        True,
        True,
    ]
