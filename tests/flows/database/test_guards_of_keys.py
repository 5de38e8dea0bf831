"""Keys that do not tell events apart are noticed before they bill wrongly in silence."""

from pathlib import Path

import pytest

from tests.flows.desk import CALLS, TOTAL, Desk, catalog_of, event

FEED = """
[fields]
eventName = {{ value = "{name}" }}
externalCustomerId = {{ column = "who" }}
timestamp = {{ column = "at" }}
idempotencyKey = {{ {key} }}
[properties]
n = {{ column = "n" }}
"""


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A desk with a catalog."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    return desk


def feed(desk: Desk, name: str, key: str = 'column = "id"', head: str = "") -> Path:
    return desk.write_bytes(f"{name}.toml", (head + FEED.format(name=name, key=key)).encode())


def row(number: object, **more: object) -> dict[str, object]:
    return {"who": "acme", "at": "2026-02-03T04:05:06Z", "n": 1, "id": str(number)} | more


@pytest.mark.parametrize("key", ['column = "id"', 'template = "k-{id}"'])
def test_a_key_that_a_mapping_makes_is_too_short_where_rows_correct_one_another(
    ready: Desk, key: str
) -> None:
    """11 of 20 rows were corrected and published; the guard holds for a column as for a template, in JSON as in CSV."""
    rows = [row(n % 9, n=n) for n in range(20)]
    refused = ready.run(ready.write("rows.jsonl", *rows), "--mapping", feed(ready, "call", key), exit_code=1)
    assert "11 of 20 rows correct another row of the file" in refused["message"]
    lines = [f"acme,2026-02-03T04:05:06Z,{n},{n % 9}" for n in range(20)]
    source = ready.write_bytes("rows.csv", "\n".join(["who,at,n,id", *lines, ""]).encode())
    assert "11 of 20 rows" in ready.run(source, "--mapping", feed(ready, "call", key), exit_code=1)["message"]


def test_corrections_that_are_expected_are_no_mistake(ready: Desk) -> None:
    """A mapping can say so, and an idempotencyKey of the source's own is never doubted; both are told."""
    rows = [row(n % 9, n=n) for n in range(20)]
    mapping = feed(ready, "call", head='corrections = "expected"\n')
    ledger = ready.run(ready.write("rows.jsonl", *rows), "--mapping", mapping)
    assert (ledger["corrected"], ledger["status"]) == (11, "published")
    own = [event(idempotencyKey=f"own-{n % 9}", properties={"n": n}) for n in range(20)]
    ledger = ready.run(ready.write("own.jsonl", *own))
    assert ledger["files"][0]["warnings"] == [
        (
            "11 of 20 rows correct another row of the file, such as 'own-0' (rows 1 and 10), 'own-1' (rows 2 and 11), "
            "'own-2' (rows 3 and 12); if they are events of their own, the key does not tell them apart"
        )
    ]


def test_hourly_readings_of_the_hour_that_comes_twice_are_told(ready: Desk) -> None:
    """2 of 1,490 rows are few, but they are an hour of usage that is lost."""
    rows = [row(n) for n in range(400)]
    ledger = ready.run(
        ready.write("rows.jsonl", *rows, row(7, n=2), row(8, n=2)), "--mapping", feed(ready, "call")
    )
    warning = ledger["files"][0]["warnings"][-1]
    assert warning.startswith("2 of 402 rows correct another row of the file, such as '7' (rows 8 and 401)")


def test_two_feeds_with_one_key_space_fail_before_one_takes_the_other_away(ready: Desk) -> None:
    """sms.csv and calls.csv, each with ids 1 to 200: the second run took all of the first off its lines."""
    first = [row(n) for n in range(200)]
    ready.run(ready.write("sms.jsonl", *first), "--mapping", feed(ready, "sms"))
    before = ready.usage()
    second = [row(n, at="2026-02-04T00:00:00Z") for n in range(200)]
    calls = ready.write("calls.jsonl", *second)
    refused = ready.run(calls, "--mapping", feed(ready, "calls"), exit_code=1)
    assert refused["message"].startswith("200 of 200 rows correct events that another mapping brought")
    assert "'0', '1', '2'" in refused["message"]
    assert 'template = "sms-{id}"' in refused["message"]
    assert ready.usage() == before
    prefixed = feed(ready, "calls", 'template = "calls-{id}"')
    assert ready.run(calls, "--mapping", prefixed)["new"] == 200


def test_a_correction_that_moves_an_event_to_another_customer_is_counted_apart(ready: Desk) -> None:
    """One id for two customers takes the event away from the first."""
    ready.run(ready.write("1.jsonl", *(event(idempotencyKey=f"k{n}", properties={"n": 1}) for n in range(4))))
    ledger = ready.run(
        ready.write("2.jsonl", event(idempotencyKey="k1", externalCustomerId="bolt", properties={"n": 1}))
    )
    assert (ledger["corrected"], ledger["moved_to_other_customer"]) == (1, 1)
    assert ledger["warnings"] == [
        "corrections that move an event to another customer, and take it from the first: 1, such as 'k1'"
    ]


def test_a_correction_that_takes_an_event_off_a_due_line_is_a_warning(ready: Desk) -> None:
    """A reference that is used again months later takes the first event off its invoice."""
    ready.run(
        ready.write(
            "1.jsonl", event(idempotencyKey="ref", timestamp="2026-01-05T00:00:00Z", properties={"n": 1})
        )
    )
    again = event(idempotencyKey="ref", timestamp="2026-03-05T00:00:00Z", properties={"n": 1})
    ledger = ready.run(ready.write("2.jsonl", again))
    assert ledger["warnings"] == [
        "corrections that take an event off a due line into another period: 1, such as 'ref'"
    ]
