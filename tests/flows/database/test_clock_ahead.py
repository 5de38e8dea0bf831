"""A clock far ahead of the machine's is a slip: the clock never goes back, so every line would be due for good."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State

from tests.flows.desk import CALLS, Desk, catalog_of, event

FAR = "9999-12-31T00:00:00Z"

ASKED_BY_NOBODY = {"USAGE_IMPORT_FUTURE": ""}


def today() -> str:
    """Return the day of the machine, which the refusal names beside the clock."""
    return datetime.now(UTC).isoformat()[:10]


@pytest.mark.parametrize("command", ["run", "check", "catalog", "rollup"])
def test_a_clock_far_ahead_is_refused_with_both_clocks(desk: Desk, command: str) -> None:
    """Every command that takes a clock refuses it and changes nothing; --future takes it."""
    desk.catalog(catalog_of(CALLS))
    words = {
        "run": [desk.write("events.jsonl", event())],
        "check": [desk.write("events.jsonl", event())],
        "catalog": [desk.folder / "catalog"],
        "rollup": [],
    }[command]
    before = desk("imports", "--json").out
    answer = desk(command, *words, "--clock", FAR, exit_code=2, environment=ASKED_BY_NOBODY)
    assert FAR in answer.err
    assert today() in answer.err
    assert "--future" in answer.err
    assert desk("imports", "--json").out == before
    desk(command, *words, "--clock", FAR, "--future", environment=ASKED_BY_NOBODY)


def test_a_clock_within_a_day_is_taken(desk: Desk) -> None:
    """The clock of another machine may be a little ahead."""
    desk.catalog(catalog_of(CALLS))
    near = (datetime.now(UTC) + timedelta(hours=23)).isoformat()
    desk("rollup", "--clock", near, environment=ASKED_BY_NOBODY)


def test_a_flow_refuses_a_clock_far_ahead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run of a deployment fails with the same sentence before it opens a database."""
    from flows.orchestration.import_flow import import_usage

    monkeypatch.setenv("USAGE_IMPORT_FUTURE", "")
    monkeypatch.setenv("USAGE_IMPORT_DATABASE_URL", f"postgresql:///nothing?host={tmp_path}")
    state: State[object] = import_usage.fn(sources=["events.jsonl"], clock=datetime.fromisoformat(FAR))
    assert state.is_failed()
    assert FAR in str(state.message)
    assert "--future" in str(state.message)
