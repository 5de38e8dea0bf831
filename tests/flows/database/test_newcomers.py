"""A newcomer's own file: the message names the likely cause and the way out."""

import pytest

from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event

CASES = {
    "columns that are no fields": (
        b"customer,ts,amount\nacme,2026-02-03T04:05:06Z,5\n",
        'the columns "customer", "ts", "amount" are no event fields by themselves; say what they are with --mapping',
    ),
    "a header in another case": (
        b"EventName,ExternalCustomerId,Timestamp\ncall,acme,2026-02-03T04:05:06Z\n",
        'names are matched exactly: "EventName" for eventName',
    ),
    "a first row that is no header": (
        b"2026-02-03T04:05:06Z,acme,5\n2026-02-03T04:05:07Z,acme,6\n",
        "the first row looks like data, and has to be a header",
    ),
    "lines before the header": (
        b"Report for February,,\n,,\neventName,externalCustomerId,timestamp\n",
        "several columns without a name; name them, and remove any lines before the header",
    ),
    "Latin-1": (
        b"eventName,Gr\xf6\xdfe\ncall,5\n",
        "if the file is in Latin-1 or Windows-1252, convert it, as with iconv -f WINDOWS-1252 -t UTF-8",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_file_that_is_no_export_of_events_yet_has_its_likely_cause_named(desk: Desk, name: str) -> None:
    """One line says it, instead of a rejection of every row or a riddle."""
    content, message = CASES[name]
    desk.catalog(catalog_of(CALLS))
    source = desk.write_bytes("mine.csv", content)
    answer = desk.commands.run(
        "run",
        str(source),
        "--clock",
        CLOCK,
        environment={"USAGE_IMPORT_DATABASE_URL": desk.database_url, "PREFECT_API_URL": ""},
    )
    assert answer.exit_code != 0
    assert message in answer.err.splitlines()[-1]


def test_members_that_are_no_fields_are_named_too(desk: Desk) -> None:
    """JSON of another system says what it needs, as a table does."""
    desk.catalog(catalog_of(CALLS))
    refused = desk(
        "run", desk.write("mine.jsonl", {"customer": "acme", "ts": 5}), "--clock", CLOCK, exit_code=1
    )
    assert "'customer', 'ts' are no event fields, say what they are with --mapping" in refused.err


def test_a_month_without_a_period_names_the_months_that_have_one(desk: Desk) -> None:
    """An empty table for a wrong month is a riddle."""
    desk.catalog(catalog_of(CALLS))
    assert "there are no usage lines yet" in desk("usage", "--period", "2026-09").err
    desk.run(desk.write("rows.jsonl", event()))
    asked = desk("usage", "--period", "2026-09")
    assert "no period starts in 2026-09; the periods start in 2026-01 to 2026-03" in asked.err
