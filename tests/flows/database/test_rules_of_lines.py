"""The rules of a usage line: its id, its counts, its status by the clock, and its revisions."""

from tests.flows.desk import CALLS, CLOCK, TOTAL, Desk, catalog_of, event, meter


def _line(desk: Desk, meter_code: str, month: str = "2026-02") -> dict[str, str]:
    [line] = desk.usage("--customer", "acme", "--meter", meter_code, "--period", month)
    return line


def test_a_line_keeps_its_id_through_corrections_and_rollups(desk: Desk) -> None:
    """A correction changes the quantity and the revision of a line; a rollup changes nothing, and neither changes the id."""
    desk.catalog(catalog_of(TOTAL))
    desk.run(desk.write("1.jsonl", event(idempotencyKey="k", properties={"n": 1})))
    first = _line(desk, "total")
    desk.run(desk.write("2.jsonl", event(idempotencyKey="k", properties={"n": 5})))
    corrected = _line(desk, "total")
    desk("rollup", "--clock", CLOCK)
    assert (first["quantity"], corrected["quantity"]) == ("1", "5")
    assert (first["revision"], corrected["revision"]) == ("1", "2")
    assert corrected["line_id"] == first["line_id"]
    assert _line(desk, "total") == corrected


def test_a_revision_names_the_import_that_caused_it(desk: Desk) -> None:
    """Only the line that an import changed has a new revision, and it names that import."""
    desk.catalog(catalog_of(TOTAL))
    rows = [event(properties={"n": 1}), event(properties={"n": 1}, timestamp="2026-01-05T00:00:00Z")]
    desk.run(desk.write("1.jsonl", *rows))
    desk.run(desk.write("2.jsonl", event(properties={"n": 2})))
    found = {month: _line(desk, "total", month) for month in ("2026-01", "2026-02")}
    assert {month: (line["revision"], line["import_id"]) for month, line in found.items()} == {
        "2026-01": ("1", "2"),
        "2026-02": ("2", "3"),
    }


def test_a_line_without_a_usable_value_counts_its_events(desk: Desk) -> None:
    """SUM of no usable value is 0, MAX and MIN are null; the counts and the first and last time are over all events."""
    desk.catalog(catalog_of(TOTAL, meter("most", "MAX", "n"), meter("least", "MIN", "n")))
    early, late = "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"
    desk.run(desk.write("1.jsonl", event(timestamp=early), event(timestamp=late, properties={"n": "many"})))
    for code, quantity in (("total", "0"), ("most", ""), ("least", "")):
        line = _line(desk, code)
        assert (line["quantity"], line["event_count"], line["unusable_count"]) == (quantity, "2", "2")
        assert (line["first_event_at"], line["last_event_at"]) == (early, late)


def test_a_line_is_due_once_the_clock_reaches_its_end(desk: Desk) -> None:
    """A microsecond before its end a period is open, at its end it is due; a rollup alone can move the clock."""
    desk.catalog(catalog_of(CALLS))
    desk("run", desk.write("1.jsonl", event()), "--clock", "2026-02-28T23:59:59.999999Z")
    before = _line(desk, "calls")
    desk("rollup", "--clock", "2026-03-01T00:00:00Z")
    after = _line(desk, "calls")
    assert (before["status"], after["status"]) == ("open", "due")
    assert after["revision"] == before["revision"]


def test_the_clock_of_the_database_never_goes_back(desk: Desk) -> None:
    """An import with an earlier clock leaves lines due and takes no empty line away."""
    desk.catalog(catalog_of(CALLS))
    desk.run(desk.write("1.jsonl", event()))
    before = {line["period_start"]: line["status"] for line in desk.usage()}
    desk("run", desk.write("2.jsonl", event()), "--clock", "2026-02-10T00:00:00Z")
    assert {line["period_start"]: line["status"] for line in desk.usage()} == before
    assert set(before.values()) == {"due", "open"}
