"""The values of which random worlds are made: names, numbers, texts, time zones and broken rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# fmt: off
NAMES = (
    "llm_request", "api call", "it's", "100%", "{x}", 'dq"', "ev;drop--", "Überraschung", ":param", "%(x)s", "\\d",
)
PROPERTIES = (
    "tokens", "region", "model", "a b", 'q\'uo"te', "per%cent", "br{ace}", "$x", "ünï", "a.b", "semi;", "\\n",
)
NUMBERS = (
    "1", "1.0", "1e0", "2", "0", "-0", "-3", "10", "9", "0.1", "0.10", "1E2", "100", "7", "-2.50", "0.3",
    "1234567890123456789012345678", "0.0000000000000000000000000001", "9007199254740993", "1e15", "123456.789e-3",
)
TEXTS = (
    "7", " 7", "1e3", "NaN", "+5", ".5", "1,000", "-0", "0x1F", "eu", "us", "EU", "", "true", "1", "1.0", "null", "{x}",
    "%s", "it's", 'say "x"', "a;b", "é", "e\u0301", "line\nbreak", "tab\t", "\u0001", "back\\slash", "=1+1", "１",
)
RARE_NUMBERS = ("1e999", "1e-1000", "9" * 1000, "0." + "0" * 999 + "1")
EXTERNAL_IDS = (
    "Contoso", "contoso", "Café", "Cafe\u0301", "o'hara & sons", "100% {x}", 'quo"te', "a,b;c", "acme gmbh", "ACME GmbH",
    "\\", "客户", "x" * 255,
)
ERAS = (
    ("UTC", "2026-04-10"), ("UTC", "2024-03-01"), ("America/Los_Angeles", "2026-03-20"), ("Australia/Lord_Howe", "2026-04-20"),
    ("Africa/Cairo", "2026-05-03"), ("America/Santiago", "2026-09-20"), ("America/Havana", "2025-11-05"),
    ("Atlantic/Azores", "2026-11-02"), ("Pacific/Apia", "2012-01-15"), ("America/St_Johns", "2010-11-20"),
    ("Asia/Kathmandu", "2027-01-05"), ("Europe/Berlin", "2026-04-02"), ("America/New_York", "2024-03-12"),
)
STYLES = (
    ("lines", "jsonl"), ("lines", "jsonl"), ("lines", "ndjson"), ("body", "json"), ("array", "json"), ("bodies", "jsonl"),
    ("csv", "csv"),
)
BROKEN_ROWS = (
    b'{"eventName": ', b"nonsense", b"5", b'"x"', b'{"eventName":"a","customerId":"b",}', b"{'eventName':'a'}",
    b'{"eventName":"a","customerId":"b","properties":{"a":NaN}}', b'{"eventName":"\xff"}', b'{"x":"\\ud800"}',
    b'{"eventName":"a","x":' + b"[" * 100 + b"]" * 100 + b"}", b'{"eventName":"a"}}', b'{"eventName":01}',
    b'{"eventName":"a","properties":{"\\udc00":1}}', b'{"a":"tab\there"}', b"null", b'{"a":tru}', b'{"a":+1}',
)
BROKEN_TIMESTAMPS = (
    '"2026-01-01"', '"2026-01-01T00:00:00"', '"2026-01-01T24:00:00Z"', '"2026-01-01T23:59:60Z"', "1767225600",
    '"2026-01-01T00:00Z"', '"2026-02-30T00:00:00Z"', '"0000-01-01T00:00:00Z"', '"0001-01-01T00:00:00+01:00"',
    '"2026-01-01T00:00:00.Z"', '"2026-01-01T00:00:00  Z"', '"2026-01-01T00:00:00utc"', '"26-01-01T00:00:00Z"',
    '" 2026-01-01T00:00:00Z"', '"2026-01-01T00:00:00+1"', '"2026-01-01T00:00:00,5Z"', '"yesterday"', "true", "{}",
    '"2026-01-01  00:00:00Z"', '"2026-1-1T00:00:00Z"', '"２０２６-01-01T00:00:00Z"', '"2026-01-01T00:00:00Z "',
    '"2026-01-01T00:60:00Z"', '"2025-02-29T00:00:00Z"', '"2026-01-01T00:00:00GMT"', '"20260101T000000Z"',
)
NO_PROPERTIES = ('"x"', "5", "[]", "true", '[{"a":1}]')
BROKEN_VALUES = ("null", "[1]", "{}", "1e1000", "1e-1001", "1" * 1001, '"a\\u0000b"', "-1e999999999999999999999")
BROKEN_FIELDS = ("5", "false", "{}", '["a"]', '"' + "x" * 256 + '"', '"a\\u0007b"', '"a\\u007f"', '"\\u0000"')
VERSIONS = ("", "1", "2", "2.0", "3", "10", "9", "2026-01-01T00:00:00Z", "2026-01-01 00:00:01Z")
# fmt: on
SNAKE = {
    "eventName": "event_name",
    "customerId": "customer_id",
    "externalCustomerId": "external_customer_id",
    "timestamp": "timestamp",
    "properties": "properties",
    "idempotencyKey": "idempotency_key",
    "contractId": "contract_id",
}
TEXT_FIELDS = [name for name in SNAKE if name != "properties"]
MAPPED_FIELDS = {
    "timestamp": "when",
    "idempotencyKey": "key",
    "eventName": "what",
    "customerId": "who",
    "externalCustomerId": "whose",
    "contractId": "pin",
}
