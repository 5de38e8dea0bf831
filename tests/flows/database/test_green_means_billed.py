"""A green import is billed: events on no line are counted in every summary, and many of them are a warning."""

from tests.flows.desk import CALLS, CLOCK, TOTAL, Desk, catalog_of, event

BILLED = [event(idempotencyKey=f"a{n}", properties={"n": 1}) for n in range(3)]
EARLY = [
    event(idempotencyKey=f"e{n}", timestamp="2025-12-31T00:00:00Z", properties={"n": 1}) for n in range(2)
]
"""Events before the contract begins."""


def test_a_summary_says_how_many_events_are_on_a_line_and_on_none(desk: Desk) -> None:
    """The last line, the JSON and a warning name them; the import is published all the same."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    source = desk.write("rows.jsonl", *BILLED, *EARLY)
    answer = desk("run", source, "--clock", CLOCK)
    assert (
        "import 2 published: 3 events on a line, 2 on none (outside_contract 2); 2 usage lines" in answer.err
    )
    assert (
        "warning: 2 of 5 events are on no line, above the limit of 5 %; 'usage-import unassigned' lists them"
    ) in answer.err
    ledger = desk("imports", "show", "2", "--json").json["ledger"]
    assert (ledger["on_line"], ledger["unassigned_by_reason"]) == (3, {"outside_contract": 2})
    assert len(ledger["warnings"]) == 1


def test_the_limit_of_events_on_no_line_is_a_choice(desk: Desk) -> None:
    """A share at the limit is no warning."""
    desk.catalog(catalog_of(CALLS))
    ledger = desk.run(desk.write("rows.jsonl", *BILLED, *EARLY), "--max-unassigned", "40%")
    assert (ledger["status"], ledger["on_line"], ledger["warnings"]) == ("published", 3, [])


def test_a_check_says_what_would_be_billed(desk: Desk) -> None:
    """It has the numbers that the import has after it, also where the import corrects and repeats events; nothing is written."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    desk.run(desk.write("first.jsonl", *BILLED))
    moved = [event(idempotencyKey="a0", timestamp="2025-12-30T00:00:00Z"), BILLED[1]]
    source = desk.write("second.jsonl", *moved, *EARLY, event(properties={"n": "many"}))
    before = desk.select("select count(*), max(layer) from files"), desk.usage()
    checked = desk("check", source, "--clock", CLOCK, "--json").json
    assert (checked["on_line"], checked["unassigned_by_reason"], checked["unusable"]) == (
        1,
        {"outside_contract": 3},
        2,
    )
    assert (desk.select("select count(*), max(layer) from files"), desk.usage()) == before
    ledger = desk.run(source)
    names = ("on_line", "unassigned_by_reason", "unusable", "warnings")
    assert {name: ledger[name] for name in names} == {name: checked[name] for name in names}


def test_a_check_of_what_would_fail_ends_with_1(desk: Desk) -> None:
    """A schedule that checks before it imports learns it from the exit code."""
    desk.catalog(catalog_of(CALLS))
    refused = desk(
        "check", desk.write("bad.jsonl", event(externalCustomerId="nobody")), "--clock", CLOCK, exit_code=1
    )
    assert "usage-import: an import would fail: " in refused.err


def test_a_meter_whose_property_no_event_carried_is_a_warning(desk: Desk) -> None:
    """A misspelt property counts nothing, in silence; a meter that can use one event of many is no news."""
    misspelt = TOTAL | {"id": "meter-typo", "code": "typo", "aggregationKey": "nn"}
    desk.catalog(catalog_of(CALLS, TOTAL, misspelt))
    ledger = desk.run(desk.write("rows.jsonl", *BILLED, event(properties={"n": "many"})))
    assert ledger["warnings"] == [
        "meter 'typo': none of its 4 events has a number in 'nn'; check the meter's aggregationKey, or the properties of the events"
    ]
