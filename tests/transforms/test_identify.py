"""Identity: a given key identifies an event; without one, the content makes the same key wherever it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Uuid, column, make_url

from tests.transforms.sifting import UUID, accepted, event
from transforms.identity.keys import content_text, given_key, ordinal_key

TEXTS = st.text(st.sampled_from('ab",[]{}\\'), max_size=4)
CONTENTS = st.tuples(TEXTS, TEXTS, st.none() | st.integers(0, 3), st.none() | TEXTS, st.sampled_from(["{}", '{"a":1}', '{"a":"1"}']), st.booleans())  # fmt: skip


def content(parts: tuple[str, str, int | None, str | None, str, bool]) -> str:
    customer_id, name, at, contract, properties, is_deleted = parts
    return content_text(
        customer_id=customer_id,
        event_name=name,
        at_micros=at,
        contract_id=contract,
        properties=properties,
        is_deleted=is_deleted,
    )


@given(CONTENTS, CONTENTS)
def test_no_two_contents_share_a_text(one: tuple[str, str, int | None, str | None, str, bool], other: tuple[str, str, int | None, str | None, str, bool]) -> None:  # fmt: skip
    """Different contents have different texts, whatever separators and quotes they contain."""
    assert (content(one) == content(other)) == (one == other)


def test_a_given_key_alone_is_the_identity() -> None:
    """A corrected timestamp, name or property keeps the key; another key is another event."""
    first = accepted(event(idempotencyKey="k"))
    corrected = accepted(
        event(idempotencyKey="k", timestamp="2025-07-01T00:00:00Z", properties={"a": 1}, customerId=UUID)
    )
    assert first["key"] == corrected["key"] == given_key("k")
    assert len(first["key"]) == 16
    assert accepted(event(idempotencyKey="K"))["key"] != first["key"]


@pytest.mark.parametrize(
    "same",
    [
        event(customerId=UUID, externalCustomerId=None),
        event(customerId=UUID.upper()),
        event(timestamp="2025-06-01 02:00:00.0000009 +02:00"),
        event(properties={}),
        event(properties=None),
        event(idempotencyKey="", foo=1),
    ],
)
def test_the_same_content_makes_the_same_key(same: bytes) -> None:
    """The id that names the customer, the notation of the timestamp and unknown fields do not matter."""
    assert accepted(same)["key"] == accepted(event())["key"]


@pytest.mark.parametrize(
    "other",
    [
        event(eventName="other"),
        event(externalCustomerId=None, customerId="cus-2"),
        event(timestamp="2025-06-01T00:00:00.000001Z"),
        event(timestamp=None),
        event(contractId="con-7"),
        event(properties={"a": 1}),
        event(idempotencyKey="derived"),
    ],
)
def test_other_content_makes_another_key(other: bytes) -> None:
    """Two different events never become one."""
    assert accepted(other)["key"] != accepted(event())["key"]


def test_an_omitted_timestamp_enters_as_omitted() -> None:
    """A key does not depend on the clock, and an omitted timestamp is not equal to the clock's time when given."""
    omitted, given_time = accepted(event(timestamp=None)), accepted(event(timestamp="2026-01-01T00:00:00Z"))
    assert omitted["at"] == given_time["at"]
    assert omitted["is_timestamp_omitted"]
    assert omitted["key"] != given_time["key"]


@pytest.mark.parametrize(("one", "other", "is_same"), [("1", "1.0", True), ("1", "1e0", True), ("-0", "0", True), ("1", '"1"', False), ("1", "true", False), ("9007199254740993", "9007199254740992", False)])  # fmt: skip
def test_properties_are_compared_as_json_values(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001
    """1, 1.0 and 1e0 are equal; "1" and true are not; and no number is rounded to a double."""
    keys = [
        accepted(event()[:-1] + b', "properties": {"b": 2, "a": %s}}' % text.encode())["key"]
        for text in (one, other)
    ]
    assert (keys[0] == keys[1]) == is_same


def test_keys_have_not_changed() -> None:
    """Databases store keys: a changed hash would bill every event without a key again."""
    assert given_key("k").hex() == "612e692779da3d7d6f00e7fd5aed3e40"
    assert accepted(event())["key"].hex() == "19462e2c02489fdfb2bc6519cc1e77bd"


def test_ordinal_keys_are_made_in_sql() -> None:
    """The expression hashes the key and the ordinal."""
    text = str(
        ordinal_key(column("key", Uuid), column("ordinal")).compile(
            dialect=make_url("postgresql+psycopg://").get_dialect()()
        )
    )
    assert "sha256" in text
    assert "uuid_send" in text
    assert "int8send" in text
