"""A file that was probably read in another way than it was meant is told, or refused, before it bills wrongly in silence."""

from pathlib import Path

import pytest

from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event

MAPPING = b"""
[fields]
eventName = { value = "call" }
externalCustomerId = { column = "who" }
timestamp = { column = "when" }
[properties]
tokens = { column = "data.tokens" }
"""


@pytest.fixture
def mapping(desk: Desk) -> Path:
    """A mapping that reads members of JSON."""
    desk.catalog(catalog_of(CALLS))
    return desk.write_bytes("mapping.toml", MAPPING)


def row(**data: int) -> dict[str, object]:
    return {"who": "acme", "when": "2026-02-03T04:05:06Z", "data": data}


def test_a_mapped_member_that_is_in_no_row_fails_the_import(desk: Desk, mapping: Path) -> None:
    """A typo in a mapping was published, with nothing counted; the message names the members that there are."""
    source = desk.write("rows.jsonl", row(token=5), row(token=6))
    refused = desk("run", source, "--mapping", mapping, "--clock", CLOCK, exit_code=1)
    assert (
        "'data.tokens', which the mapping reads, is in none of 2 rows; there are 'data.token'" in refused.err
    )
    assert desk.select("select count(*) from events") == [(0,)]


def test_a_mapped_member_that_is_in_few_rows_is_a_warning(desk: Desk, mapping: Path) -> None:
    """The share is named; a member of one row in twenty is nothing special."""
    rows = [row(other=n) for n in range(99)]
    ledger = desk.run(desk.write("few.jsonl", *rows, row(tokens=1)), "--mapping", mapping)
    [file] = ledger["files"]
    assert file["warnings"] == ["'data.tokens', which the mapping reads, is in 1 of 100 rows"]
    enough = [row(tokens=n, b=1) for n in range(5)]
    ledger = desk.run(desk.write("more.jsonl", *rows[:95], *enough), "--mapping", mapping)
    assert ledger["files"][0]["warnings"] == []


def test_a_ledger_names_the_first_and_the_last_timestamp_of_a_file(desk: Desk) -> None:
    """Whoever looks for a wrong period sees it at once; omitted timestamps are no part of it."""
    desk.catalog(catalog_of(CALLS))
    rows = [
        event(timestamp="2026-02-03T00:00:00Z"),
        event(timestamp="2026-01-31T23:59:59.5Z"),
        event(timestamp=None),
    ]
    source = desk.write("rows.jsonl", *rows)
    assert (
        "timestamps: 2026-01-31T23:59:59.500000Z to 2026-02-03T00:00:00Z"
        in desk("run", source, "--clock", CLOCK).err
    )
    [file] = desk("imports", "show", "2", "--json").json["ledger"]["files"]
    assert (file["first_event_at"], file["last_event_at"]) == (
        "2026-01-31T23:59:59.500000Z",
        "2026-02-03T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("day", "is_warned"), [("05/10/2025", True), ("05/25/2025", False), ("10/05/2025", False)]
)
def test_dates_that_read_the_other_way_too_are_a_warning(desk: Desk, day: str, *, is_warned: bool) -> None:
    """A file of 5 October that is read with the month first is due in May; the reading nearer to the clock is named."""
    desk.catalog(catalog_of(CALLS))
    mapping = desk.write_bytes(
        "mapping.toml",
        b"""
        time_zone = "UTC"
        [fields]
        eventName = { value = "call" }
        externalCustomerId = { value = "acme" }
        timestamp = { column = "when", format = "%m/%d/%Y %H:%M:%S" }
        """,
    )
    source = desk.write_bytes("rows.csv", f"when,n\n{day} 01:02:03,1\n{day} 01:02:04,2\n".encode())
    answer = desk("run", source, "--mapping", mapping, "--clock", "2025-10-06T00:00:00Z", "--json")
    ledger = answer.json
    warned = [text for text in ledger["files"][0]["warnings"] if "day and month exchanged" in text]
    assert bool(warned) is is_warned


def test_a_csv_that_may_be_cut_off_is_a_warning(desk: Desk) -> None:
    """A file cut inside its last number bills 10 of 1,019; its last row is counted, and that it has no line end is told."""
    desk.catalog(catalog_of(CALLS))
    head = b"eventName,externalCustomerId,timestamp\n"
    line = b"call,acme,2026-02-03T04:05:06Z"
    whole = desk.run(desk.write_bytes("whole.csv", head + line + b"\n"))
    cut = desk.run(desk.write_bytes("cut.csv", head + line + b"\n" + line))
    assert whole["files"][0]["warnings"] == []
    assert (cut["rows"], cut["files"][0]["warnings"]) == (
        2,
        ["the last row has no line end; if the file was cut off, get the whole file again"],
    )
