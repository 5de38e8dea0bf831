"""Identity: every event counts once, whatever file repeats it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.imports.deduplicate import _deduplication
from tests.flows.desk import CALLS, CLOCK, TOTAL, Desk, catalog_of, event, meter


def test_keys_are_not_joined_texts(desk: Desk) -> None:
    """Events without a key whose fields, joined, read the same are different events."""
    desk.catalog(catalog_of(CALLS))
    rows = [
        event(eventName="a-b", properties={"c": "d"}),
        event(eventName="a", properties={"b-c": "d"}),
        event(eventName="a", properties={"b": "c-d"}),
        event(eventName="a", properties={'b":"c","x': "d"}),
        event(eventName="a", properties={"b": "c", "x": "d"}),
    ]
    paths = [desk.write(f"{number}.jsonl", row) for number, row in enumerate(rows)]
    assert desk.run(*paths)["new"] == len(rows)
    assert desk.quantity("calls") == "5"


def test_a_given_key_cannot_be_a_derived_one(desk: Desk) -> None:
    """An event whose given key is spelled like the derived key of another is an event of its own."""
    desk.catalog(catalog_of(CALLS))
    desk.run(desk.write("keyless.jsonl", event()))
    [derived] = [one["key"] for one in desk("events", "--json").json]
    assert derived.startswith("derived-")
    ledger = desk.run(desk.write("keyed.jsonl", event(idempotencyKey=derived, eventName="other")))
    assert ledger["new"] == 1
    assert desk.quantity("calls") == "2"


def test_a_corrected_timestamp_does_not_double_usage(desk: Desk) -> None:
    """The key alone is the identity: the same key at another time moves the event to another period."""
    desk.catalog(catalog_of(TOTAL))
    desk.run(desk.write("one.jsonl", event(idempotencyKey="k", properties={"n": 5})))
    moved = event(idempotencyKey="k", timestamp="2026-01-20T00:00:00Z", properties={"n": 5})
    assert desk.run(desk.write("two.jsonl", moved))["corrected"] == 1
    lines = {line["period_start"]: line["quantity"] for line in desk.usage("--customer", "acme")}
    assert lines == {"2026-01-01T00:00:00Z": "5", "2026-02-01T00:00:00Z": "0", "2026-03-01T00:00:00Z": "0"}


def test_derived_keys_depend_on_the_content_and_not_on_the_clock(desk: Desk) -> None:
    """Without a key, different events stay two, and a row without a timestamp is recognized on another day."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    rows = [event(timestamp=None, properties={"n": 1}), event(timestamp=None, properties={"n": 2})]
    desk.run(desk.write("one.jsonl", *rows))
    later = desk("run", desk.write("two.jsonl", b"", *rows), "--clock", "2026-04-20T00:00:00Z", "--json").json
    assert (later["new"], later["duplicates_without_key"]) == (0, 2)
    assert desk.counted("total") == {"{}": "3"}


def test_equal_rows_of_a_file_stay_two_and_are_recognized(desk: Desk) -> None:
    """Two equal events in one file both count, and count no further time in another export."""
    desk.catalog(catalog_of(CALLS))
    assert desk.run(desk.write("one.jsonl", event(), event()))["new"] == 2
    assert desk.run(desk.write("two.jsonl", event(), event(), event()))["new"] == 1
    assert desk.quantity("calls") == "3"


def test_a_key_is_known_as_long_as_the_database(desk: Desk) -> None:
    """A corrected or deleted event keeps its key: a row that repeats it is no new event and counts nowhere."""
    desk.catalog(catalog_of(CALLS))
    mapping = desk.write_bytes("deleted.toml", b'deleted = { column = "gone", equals = "true" }\nproperties = "rest"\n'
        b'[fields]\neventName = { column = "name" }\nexternalCustomerId = { column = "who" }\n'
        b'timestamp = { column = "at" }\nidempotencyKey = { column = "key" }\n')  # fmt: skip
    head, row = b"name,who,at,key,gone\n", b"call,acme,2026-02-03T04:05:06Z,k,"
    desk.run(desk.write_bytes("one.csv", head + row + b"false\n"), "--mapping", mapping)
    assert (
        desk.run(desk.write_bytes("two.csv", head + row + b"true\n"), "--mapping", mapping)["corrected"] == 1
    )
    again = desk.run(desk.write_bytes("three.csv", head + row + b"true\n\n"), "--mapping", mapping)
    assert (again["new"], again["duplicate"]) == (0, 1)
    assert desk.counted("calls") == {}


def test_overlapping_exports_count_once(desk: Desk) -> None:
    """Exports of the last days, each overlapping the one before, with keys and without, give each event once."""
    desk.catalog(catalog_of(CALLS))
    days = [
        event(timestamp=f"2026-02-{day:02}T08:00:00Z", idempotencyKey=f"k{day}" if day % 2 else None)
        for day in range(1, 9)
    ]
    new = [desk.run(desk.write(f"{start}.jsonl", *days[start : start + 4]))["new"] for start in (0, 2, 4)]
    assert new == [4, 2, 2]
    assert desk.quantity("calls") == "8"


def test_an_unknown_outcome_is_a_crash() -> None:
    """An outcome that the ledger does not know is an error; its rows are never skipped."""
    loaded = [{"file_id": 1, "rows": 1, "rejected": 0, "keyless": 0, "counts": []}]
    odd = [{"file_id": 1, "outcome": "odd", "is_keyless": False, "corrects_own_file": False, "rows": 1}]
    with pytest.raises(ValueError, match="odd"):
        _deduplication(loaded, odd)  # type: ignore[arg-type]


@pytest.mark.parametrize(("chunk_rows", "workers"), [("1000", "1"), ("1", "4"), ("2", "2")])
def test_the_last_row_of_a_key_counts(desk: Desk, chunk_rows: str, workers: str) -> None:
    """Of a key that stands three times in each of three files, the last row of the last file counts, whatever the chunks are."""
    desk.catalog(catalog_of(meter("last", "SUM", "n")))
    paths = [
        desk.write(
            f"{file}.jsonl", *(event(idempotencyKey="k", properties={"n": 10 * file + n}) for n in (1, 2, 1))
        )
        for file in (1, 2, 3)
    ]
    cut = {"USAGE_IMPORT_CHUNK_ROWS": chunk_rows, "USAGE_IMPORT_WORKERS": workers}
    ledger = desk.run(*paths, environment=cut)
    assert (ledger["new"], ledger["corrected"], desk.quantity("last")) == (1, 8, "31")


def test_rows_and_outcomes_must_add_up(desk: Desk, tmp_path: Path) -> None:
    """If a row is lost, the import says so and nothing of it counts."""
    desk.catalog(catalog_of(CALLS))
    with desk.connected() as connection:
        connection.execute(
            "create function lose() returns trigger language plpgsql as $$ begin new.rows := new.rows + 1; "
            "new.rejected := new.rejected + 1; return new; end $$"
        )
        connection.execute("create trigger lose before insert on chunks for each row execute function lose()")
    answer = desk("run", desk.write("rows.jsonl", event(), event()), "--clock", CLOCK, exit_code=1)
    assert "do not add up" in answer.err.splitlines()[-1]
    assert desk.usage() == []
