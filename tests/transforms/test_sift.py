"""Every rejection has its message; bytes, counts and warnings are kept with the rows."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from schemas.documents.mapping import Mapping
from schemas.frames.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES, Malformed
from schemas.frames.sifted import ACCEPTED, REJECTED
from schemas.vocabulary import RejectionCode
from tests.transforms.sifting import (
    CLOCK,
    CONTRACTS,
    CUSTOMERS,
    accepted,
    event,
    json_chunk,
    rejection,
    sifted,
    sum_of,
)
from transforms.rows.counts import OTHER_FIELDS, UNKNOWN_FIELDS_COUNTED, SiftCounts
from transforms.rows.sift import sift

OLDEST = Mapping(oldest=datetime(2025, 1, 1, tzinfo=UTC))
STRICT = Mapping(missing_timestamp="reject")
FLAW = "properties must be an object of text, numbers and booleans: "

REJECTED_ROWS: list[tuple[bytes, str, str, str | None, str | None]] = [
    (b'{"eventName":', "malformed_row", "expecting value at byte 13", None, None),
    (b'{"eventName":"\xff"}', "malformed_row", "broken UTF-8 at byte 14", None, None),
    (event(eventName=None), "missing_event_name", "eventName is required", "eventName", None),
    (event(eventName=""), "missing_event_name", "eventName is required", "eventName", None),
    (event(externalCustomerId=...), "missing_customer", "customerId or externalCustomerId is required", "customerId", None),
    (event(externalCustomerId="", customerId=None), "missing_customer", "customerId or externalCustomerId is required", "customerId", None),
    (event(externalCustomerId="nope"), "customer_not_found", 'Customer not found: "nope"', "externalCustomerId", "nope"),
    (event(customerId="cus-2"), "customer_mismatch", 'customerId and externalCustomerId name different customers: "cus-2" and "acme"', "externalCustomerId", "acme"),
    (event(timestamp="2025-01-01"), "invalid_timestamp", 'timestamp must be ISO 8601 with an offset: "2025-01-01"', "timestamp", "2025-01-01"),
    (event(timestamp=1700000000), "invalid_timestamp", 'timestamp must be ISO 8601 with an offset: "1700000000" (an epoch number needs unit = "s" in the mapping)', "timestamp", "1700000000"),
    (event(timestamp=1700000000123), "invalid_timestamp", 'timestamp must be ISO 8601 with an offset: "1700000000123" (an epoch number needs unit = "ms" in the mapping)', "timestamp", "1700000000123"),
    (event(timestamp=["2025-01-01T00:00:00Z"]), "invalid_timestamp", 'timestamp must be ISO 8601 with an offset: "["2025-01-01T00:00:00Z"]"', "timestamp", '["2025-01-01T00:00:00Z"]'),
    (event(timestamp="2026-01-01T01:00:00.000001Z"), "timestamp_in_future", 'timestamp must not be more than 1 hour in the future: "2026-01-01T01:00:00.000001Z"', "timestamp", "2026-01-01T01:00:00.000001Z"),
    (event(properties={"a": None}), "invalid_properties", FLAW + '"a" is null', "properties.a", '{"a": null}'),
    (event(properties="x"), "invalid_properties", FLAW + "it is a text", "properties", '"x"'),
    (event(properties=[]), "invalid_properties", FLAW + "it is a list", "properties", "[]"),
    (event(properties={"a": "\0"}), "invalid_properties", FLAW + '"a" holds U+0000', "properties.a", '{"a": "\\u0000"}'),
    (event(eventName=5), "invalid_field", 'eventName must be a text: "5"', "eventName", "5"),
    (event(eventName={}), "invalid_field", 'eventName must be a text: "{}"', "eventName", "{}"),
    (event(idempotencyKey="k\x7f"), "invalid_field", 'idempotencyKey must not hold control characters: "k\\u007f"', "idempotencyKey", "k\\u007f"),
    (event(idempotencyKey=False), "invalid_field", 'idempotencyKey must be a text: "false"', "idempotencyKey", "false"),
    (event(contractId="x" * 256), "invalid_field", f'contractId must have at most 255 characters, not 256: "{"x" * 199}…"', "contractId", "x" * 199 + "…"),
    (event(contractId="con-8"), "contract_not_found", 'Contract not found: "con-8" (it is another customer\'s)', "contractId", "con-8"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "code", "message", "field", "value"), REJECTED_ROWS)
def test_every_rejection_has_its_message(
    raw: bytes, code: str, message: str, field: str | None, value: str | None
) -> None:
    """A rejection has code, message, field and value, and the untouched bytes with length and hash."""
    refused = rejection(raw)
    assert {name: refused[name] for name in ("code", "message", "field", "value")} == {
        "code": code,
        "message": message,
        "field": field,
        "value": value,
    }
    assert refused["message"].startswith(RejectionCode(code).sentence)
    assert (refused["raw"], refused["raw_length"], refused["raw_sha256"]) == (
        raw,
        len(raw),
        hashlib.sha256(raw).digest(),
    )


def test_a_source_may_refuse_old_and_missing_timestamps() -> None:
    """Only a mapping that sets it does so; the floor itself is allowed."""
    refused = rejection(event(timestamp="2024-12-31T23:59:59.999999Z"), mapping=OLDEST)
    assert refused["code"] == "timestamp_too_old"
    assert refused["message"] == 'timestamp is before 2025-01-01T00:00:00Z: "2024-12-31T23:59:59.999999Z"'
    assert accepted(event(timestamp="2025-01-01T00:00:00Z"), mapping=OLDEST)
    refused = rejection(event(timestamp=""), mapping=STRICT)
    assert (refused["code"], refused["message"], refused["field"]) == (
        "missing_timestamp",
        "timestamp is required by the mapping",
        "timestamp",
    )
    assert accepted(event(timestamp=""))["is_timestamp_omitted"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"eventName": None, "externalCustomerId": None}, "missing_event_name"), ({"externalCustomerId": None, "timestamp": "x"}, "missing_customer"),
        ({"externalCustomerId": "nope", "timestamp": "x"}, "customer_not_found"), ({"customerId": "cus-2", "timestamp": "x"}, "customer_mismatch"),
        ({"timestamp": "x", "properties": []}, "invalid_timestamp"), ({"timestamp": "2027-01-01T00:00:00Z", "properties": []}, "timestamp_in_future"),
        ({"properties": [], "idempotencyKey": 5}, "invalid_properties"), ({"idempotencyKey": 5, "contractId": "nope"}, "invalid_field"),
        ({"eventName": 5, "timestamp": "x"}, "invalid_timestamp"),
    ],
)  # fmt: skip
def test_the_first_code_that_applies_wins(fields: dict[str, Any], code: str) -> None:
    """A row that breaks two rules has the code that comes first in the vocabulary."""
    assert rejection(event(**fields))["code"] == code


def test_the_bound_of_the_future() -> None:
    """Exactly one hour after the clock is allowed."""
    assert accepted(event(timestamp="2026-01-01T01:00:00Z"))["at"] == datetime(2026, 1, 1, 1, tzinfo=UTC)


def test_the_clock_may_have_any_offset() -> None:
    """Only its instant counts."""
    there = timezone(timedelta(hours=-5))
    halves = sift(
        json_chunk([event(timestamp=None), event(timestamp="2026-01-01T01:00:00.000001Z")]),
        mapping=OLDEST, customers=CUSTOMERS, contracts=CONTRACTS, clock=CLOCK.astimezone(there),
    )  # fmt: skip
    assert halves.accepted["at"].to_list() == [CLOCK]
    assert halves.rejections["code"].to_list() == ["timestamp_in_future"]


@pytest.mark.parametrize("text", ["x" * 255, "\U0001f600" * 255, "é", " ", "a'b\";--%{}", "\x80"])
def test_valid_texts(text: str) -> None:
    """A text has 1–255 code points of any kind but control characters."""
    row = accepted(event(eventName=text, idempotencyKey=text))
    assert (row["event_name"], row["idempotency_key"]) == (text, text)


def test_older_spellings_are_the_same_fields() -> None:
    """camelCase counts if both are given; null and the empty text are absent."""
    old = {
        "event_name": "old",
        "external_customer_id": "acme",
        "idempotency_key": "k",
        "contract_id": "con-7",
    }
    row = accepted(json.dumps(old).encode())
    assert (row["event_name"], row["idempotency_key"], row["contract_no"]) == ("old", "k", 7)
    assert accepted(event(event_name="old"))["event_name"] == "call"
    assert accepted(event(eventName="", event_name="old"))["event_name"] == "old"
    assert rejection(event(eventName=5, event_name="old"))["code"] == "invalid_field"
    assert accepted(event(event_name=5))["event_name"] == "call"


def test_of_a_name_twice_the_last_counts() -> None:
    """This holds for fields and for properties, as in every JSON parser."""
    raw = event()[:-1] + b', "eventName": "last", "properties": {"a": 1}, "properties": {"b": 2}}'
    row = accepted(raw)
    assert (row["event_name"], row["properties"]) == ("last", '{"b": 2}')
    assert rejection(event()[:-1] + b', "eventName": ""}')["code"] == "missing_event_name"


VALUES = {
    r'"\\ud83d\ude00"': "broken", r'"\ud83d\ude00"': "text", r'"\\\\ud83d"': "text",
    "1": "number", "-0": "number", "1e3": "number", "1e999": "number", "9007199254740993": "number", "0." + "0" * 27 + "1": "number", '""': "text", '"1"': "text", '"1,000"': "text",
    '"NaN"': "text", "true": "boolean", "false": "boolean", "null": None, "[]": None, "{}": None, "1e1000": None, "1e131072": None, "1e-1001": None, '"\\u0000"': None,
    "+5": "broken", ".5": "broken", "01": "broken", "1,000": "broken", "NaN": "broken", "Infinity": "broken", '"\\ud800"': "broken", "'a'": "broken", "tru": "broken",
}  # fmt: skip


@pytest.mark.parametrize("text", VALUES)
def test_every_value_is_kept_exactly_or_rejects_its_row(text: str) -> None:
    """A broken value never becomes 0 or another number, and never affects other rows."""
    kind = VALUES[text]
    raw = event()[:-1] + b', "properties": {"v": %s}}' % text.encode()
    halves = sifted(json_chunk([event(), raw, event()]))
    if kind in {"number", "text", "boolean"}:
        assert halves.accepted["properties"].to_list() == ["{}", f'{{"v": {text}}}', "{}"]
    else:
        expected = "malformed_row" if kind == "broken" else "invalid_properties"
        assert halves.rejections["code"].to_list() == [expected]
        assert halves.accepted["row"].to_list() == [1, 3]


def test_a_row_that_could_not_be_read_keeps_its_reason() -> None:
    """Length and hash are those of the whole row, although only its beginning is kept."""
    bad = Malformed(message="a body that cannot be split at byte 7", raw_length=99, raw_sha256=b"h" * 32)
    halves = sifted(json_chunk([event(), b"{", event()], malformed={1: bad}))
    refused = halves.rejections.row(0, named=True)
    assert (refused["row"], refused["code"], refused["message"]) == (2, "malformed_row", bad.message)
    assert (refused["raw"], refused["raw_length"], refused["raw_sha256"]) == (b"{", 99, b"h" * 32)


def test_of_a_long_row_the_beginning_is_kept() -> None:
    """At most 64 KiB are kept, with the length and hash of the whole row."""
    raw = event(eventName="", other="x" * RAW_KEPT_BYTES)
    refused = rejection(raw)
    assert refused["raw"] == raw[:RAW_KEPT_BYTES]
    assert (refused["raw_length"], refused["raw_sha256"]) == (len(raw), hashlib.sha256(raw).digest())


def test_a_row_over_the_limit_is_malformed() -> None:
    """16 MiB are allowed, and no byte more."""
    room = ROW_LIMIT_BYTES - len(event(other=""))
    assert accepted(event(other="x" * room))
    assert rejection(event(other="x" * (room + 1)))["code"] == "malformed_row"


def test_values_of_rejections_cannot_steer_a_terminal() -> None:
    """Escapes, bells and marks of direction are escaped."""
    refused = rejection(event(externalCustomerId="a\u202e\u009b\u200b\ufeff"))
    assert refused["value"] == "a\\u202e\\u009b\\u200b\\ufeff"
    assert refused["message"] == 'Customer not found: "a\\u202e\\u009b\\u200b\\ufeff"'


def test_counts() -> None:
    """Unknown fields with a value are counted by name, special timestamps over accepted rows."""
    rows = [
        event(a=1, b=None, c=""),
        event(a=[], timestamp=None),
        event(timestamp="1999-12-31T23:59:59Z"),
        event(eventName="", a=1, timestamp=None),
        b"{",
    ]
    counts = sifted(json_chunk(rows)).counts
    assert counts == SiftCounts(
        unknown_fields={"a": 3},
        defaulted_timestamps=1,
        before_2000=1,
        times=("1999-12-31T23:59:59+00:00", "2025-06-01T00:00:00+00:00"),
    )
    doubled = sifted(
        json_chunk([event(timestamp="2024-10-27T02:30:00")]), mapping=Mapping(time_zone="Europe/Berlin")
    )
    assert doubled.counts.doubled_local_times == 1


def test_a_million_unknown_names_do_not_fill_the_memory() -> None:
    """The first are counted by name and the others together, for chunks of any size."""
    rows = [event(**{f"n{index:05}": 1, "always": 2}) for index in range(500)]
    whole = sifted(json_chunk(rows)).counts
    parts = [sifted(json_chunk(rows[at : at + 100])).counts for at in range(0, 500, 100)]
    assert sum_of(parts) == whole
    assert len(whole.unknown_fields) == UNKNOWN_FIELDS_COUNTED + 1
    assert whole.unknown_fields["always"] == 500
    assert sum(whole.unknown_fields.values()) == 1000
    assert whole.unknown_fields[OTHER_FIELDS] == 500 - (UNKNOWN_FIELDS_COUNTED - 1)


def test_damaged_and_placeholder_ids_get_a_warning() -> None:
    """They are accepted unchanged; the sentence is the same for every chunk."""
    halves = sifted(
        json_chunk(
            [
                event(idempotencyKey=key)
                for key in ("1.23E+15", "null", "NULL", "0000-0000", "k", "1e5", "none")
            ]
        )
    )
    assert len(halves.accepted) == 7
    assert [warning.split(":")[0] for warning in halves.warnings] == ["idempotencyKey"] * 4
    assert "1.23E+15" in halves.warnings[0]
    assert sifted(json_chunk([event(idempotencyKey="k-1E+15")])).warnings == ()


def test_an_empty_chunk_has_two_empty_frames() -> None:
    """Both frames have all their columns."""
    halves = sifted(json_chunk([]))
    assert halves.accepted.schema == ACCEPTED
    assert halves.rejections.schema == REJECTED
    assert sifted(json_chunk([b"{"])).accepted.schema == ACCEPTED
    assert sifted(json_chunk([event()])).rejections.schema == REJECTED


def test_accepted_rows_keep_their_bytes_where_a_conflict_may_reject_them() -> None:
    """Other sources do not have the columns of bytes."""
    row = accepted(event(idempotencyKey="k"), mapping=Mapping(on_conflict="reject"))
    assert (row["raw"], row["raw_length"]) == (event(idempotencyKey="k"), len(event(idempotencyKey="k")))
    assert row["raw_sha256"] == hashlib.sha256(row["raw"]).digest()
    assert "raw" not in accepted(event(idempotencyKey="k"))


def test_every_code_but_conflict_is_covered_here() -> None:
    """A new code needs a row above; conflicts are found when keys are compared."""
    here = {code for _, code, *_ in REJECTED_ROWS} | {"timestamp_too_old", "missing_timestamp", "conflict"}
    assert here == {code.value for code in RejectionCode}
