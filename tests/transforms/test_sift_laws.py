"""Laws of sifting: no row is lost, the size of chunks does not matter, and both paths of reading JSON agree."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.transforms.sifting import UUID, event, json_chunk, sifted, sum_of
from transforms.rows.counts import SiftCounts
from transforms.rows.sift import Sifted

TEXTS = st.sampled_from(
    [
        "",
        "call",
        "acme",
        "Acme ",
        "cus-2",
        UUID,
        UUID.upper(),
        "con-7",
        "con-8",
        "x" * 256,
        "a\nb",
        "é",
        "\U0001f600",
        "\0",
    ]
)
TIMES = st.sampled_from(
    [
        "2025-01-01T00:00:00Z",
        "2025-01-01 00:00:00.1234567 +0530",
        "2026-01-01T01:00:00.000001Z",
        "2025-02-29T00:00:00Z",
        "x",
    ]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    TEXTS,
    st.floats(allow_nan=False, allow_infinity=False),
    st.just([1]),
    st.just({}),
)
MOSTLY_PLAIN = st.one_of(TEXTS, st.integers(-5, 5), st.booleans(), VALUES)
NAMES = st.sampled_from(["a", "b", "é", "\0", "eventName", 'q"', "\\"])
PROPERTIES = st.one_of(st.dictionaries(NAMES, MOSTLY_PLAIN, max_size=3), VALUES)
FIELDS = {
    **dict.fromkeys(
        ["eventName", "customerId", "externalCustomerId", "idempotencyKey", "contractId"],
        st.one_of(TEXTS, TEXTS, VALUES),
    ),
    **dict.fromkeys(
        ["event_name", "customer_id", "external_customer_id", "idempotency_key", "contract_id"],
        st.one_of(TEXTS, VALUES),
    ),
    "timestamp": st.one_of(TIMES, TIMES, VALUES),
    "properties": PROPERTIES,
    "other": VALUES,
    "another": VALUES,
    "k\u0000": VALUES,
}
GOOD = {
    "eventName": st.just("call"),
    "externalCustomerId": st.just("acme"),
    "timestamp": st.just("2025-01-01T00:00:00Z"),
}


@st.composite
def raw_rows(draw: st.DrawFn) -> bytes:
    """Draw a row: mostly an event, sometimes with repeated names, sometimes broken."""
    fields = {name: draw(value) for name, value in GOOD.items()} if draw(st.booleans()) else {}
    fields |= draw(st.fixed_dictionaries({}, optional=FIELDS))
    members = list(fields.items())
    if draw(st.integers(0, 4)) == 0:
        members += [(name, draw(FIELDS[name])) for name in fields]
    separator = draw(st.sampled_from([",", " , ", ",\n"]))
    is_ascii = draw(st.booleans())
    text = (
        "{"
        + separator.join(f"{json.dumps(n)}:{json.dumps(v, ensure_ascii=is_ascii)}" for n, v in members)
        + "}"
    )
    raw = text.encode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2]))):
        place = draw(st.integers(0, len(raw)))
        raw = (
            raw[:place]
            + draw(
                st.sampled_from(
                    [
                        b"",
                        b"\xff",
                        b"\\ud800",
                        b"\\u0000",
                        b"\\",
                        b'"',
                        b"1e9999",
                        b"[",
                        b"null",
                        b"0",
                        b"\x01",
                        b"NaN",
                        b"[" * 70,
                    ]
                )
            )
            + raw[place + draw(st.integers(0, 2)) :]
        )
    return raw


def comparable(halves: Sifted) -> tuple[list[dict[str, Any]], list[dict[str, Any]], SiftCounts, set[str]]:
    return halves.accepted.to_dicts(), halves.rejections.to_dicts(), halves.counts, set(halves.warnings)


@settings(max_examples=150, deadline=None)
@given(st.lists(raw_rows(), max_size=30))
def test_every_row_is_accepted_or_rejected(raws: list[bytes]) -> None:
    """No row is lost, and none is in both frames."""
    halves = sifted(json_chunk(raws))
    rows = sorted(halves.accepted["row"].to_list() + halves.rejections["row"].to_list())
    assert rows == list(range(1, len(raws) + 1))


@settings(max_examples=150, deadline=None)
@given(st.lists(raw_rows(), max_size=30))
def test_the_quick_and_the_exact_path_agree(raws: list[bytes]) -> None:
    """Both engines return equal rows and equal messages."""
    assert comparable(sifted(json_chunk(raws))) == comparable(sifted(json_chunk(raws), is_exact=True))


@pytest.mark.parametrize("rows", [4_095, 4_096, 4_097, 9_000])
def test_the_paths_agree_on_as_many_rows_as_a_file_has(rows: int) -> None:
    """The quick path makes columns of a few thousand rows at a time; unusual rows among them do not matter."""
    odd = {
        7: b"{",
        8: event(more=1),
        9: event(customer_id="acme", externalCustomerId=...),
        10: event(other="x", more=2),
    }
    raws = [odd.get(n % 1_000, event(idempotencyKey=str(n), properties={"n": n})) for n in range(rows)]
    assert comparable(sifted(json_chunk(raws))) == comparable(sifted(json_chunk(raws), is_exact=True))


@settings(max_examples=60, deadline=None)
@given(st.lists(raw_rows(), min_size=1, max_size=20), st.integers(1, 7))
def test_the_size_of_a_chunk_does_not_change_the_result(raws: list[bytes], size: int) -> None:
    """Sifting parts one after another gives the same rows as sifting the whole."""
    whole = sifted(json_chunk(raws))
    parts = [sifted(json_chunk(raws[at : at + size], first=at + 1)) for at in range(0, len(raws), size)]
    assert_frame_equal(pl.concat([part.accepted for part in parts]), whole.accepted)
    assert_frame_equal(pl.concat([part.rejections for part in parts]), whole.rejections)
    assert sum_of([part.counts for part in parts]) == whole.counts
    assert {warning for part in parts for warning in part.warnings} == set(whole.warnings)
