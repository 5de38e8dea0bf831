"""The examples of the rules come out of the second reading."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from tests.reference.catalog import Contract, Pricing
from tests.reference.installation import Installation
from tests.reference.instants import NoInstantError, day_start, instants_of_local, parse_instant
from tests.reference.mapping import Mapping
from tests.reference.periods import periods
from tests.reference.reading import read_rows
from tests.reference.values import NotJsonError, TooLong, decode, number, plain
from tests.reference.worlds import make_world

CLOCK = datetime(2026, 3, 1, tzinfo=UTC)


def boundaries(
    start: str, anchor: date | int | None, interval: str, count: int = 1, zone: str = "UTC"
) -> list[str]:
    """The first days of the first periods of a contract, in UTC."""
    contract = Contract("c", "c", "p", date.fromisoformat(start), None, anchor)
    until = datetime.fromisoformat(start).replace(tzinfo=UTC) + timedelta(days=1600)
    found = periods(contract, Pricing("p", "m", interval, count), zone, until)
    assert all(one.end == another.start for one, another in pairwise(found))
    return [one.start.date().isoformat() for one in found]


def test_anchors_of_the_rules() -> None:
    """Every example of the rules about periods."""
    assert boundaries("2026-01-31", None, "MONTH")[:4] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]
    assert boundaries("2024-02-29", None, "YEAR")[:2] == ["2024-02-29", "2025-02-28"]
    assert boundaries("2024-02-29", None, "YEAR")[4] == "2028-02-29"
    assert boundaries("2026-01-10", date(2026, 3, 15), "MONTH")[:3] == [
        "2026-01-10",
        "2026-01-15",
        "2026-02-15",
    ]
    assert boundaries("2026-02-10", 31, "MONTH", 3)[:3] == ["2026-02-10", "2026-02-28", "2026-05-31"]
    assert boundaries("2026-01-01", date(2026, 1, 7), "WEEK")[:3] == [
        "2026-01-01",
        "2026-01-07",
        "2026-01-14",
    ]


def test_days_of_odd_zones() -> None:
    """The first instant of a day: after a gap, at the earlier midnight, and of a day that was skipped."""
    assert day_start("Africa/Cairo", date(2026, 4, 24)) == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert day_start("America/Havana", date(2025, 11, 2)) == datetime(2025, 11, 2, 4, tzinfo=UTC)
    assert day_start("America/St_Johns", date(2010, 11, 7)) == datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
    assert day_start("Pacific/Apia", date(2011, 12, 30)) == day_start("Pacific/Apia", date(2011, 12, 31))
    assert len(instants_of_local(datetime(2025, 11, 2, 0, 30), "America/Havana")) == 2
    assert instants_of_local(datetime(2026, 4, 24, 0, 30), "Africa/Cairo") == []


@pytest.mark.parametrize(
    "text", ["2026-01-01", "2026-01-01T00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z"]
)
def test_no_instants(text: str) -> None:
    """Every timestamp that the rules name as invalid is refused."""
    with pytest.raises(NoInstantError):
        parse_instant(text)


def test_instants_are_cut_not_rounded() -> None:
    """Further digits are cut."""
    at = parse_instant("2026-01-01 01:00:00.9999999 +0100")
    assert at == datetime(2026, 1, 1, 0, 0, 0, 999999, tzinfo=UTC)


def test_numbers_are_exact() -> None:
    """No exponent, no trailing zero, and nothing beyond 1,000 digits."""
    assert [plain(Decimal(text)) for text in ("1e2", "1.50", "-0", "0.10e1")] == ["100", "1.5", "0", "1"]
    assert isinstance(number("1e1000"), TooLong)
    assert isinstance(number("1e-1001"), TooLong)
    assert number("1e999") == Decimal("1e999")


@pytest.mark.parametrize("text", ["{", "NaN", '"\\ud800"', "[" * 65 + "]" * 65, "01"])
def test_no_json(text: str) -> None:
    """A row that is no JSON object is refused."""
    with pytest.raises(NotJsonError):
        decode(text)


def test_rows_of_bodies_and_records() -> None:
    """Bodies are as many rows as they have events; quoted line ends are part of a cell."""
    assert [row.raw for row in read_rows("a.jsonl", b'{"events": [{"a": 1}, 5]}\r\n\n{"b": 2}')] == [
        b'{"a": 1}',
        b"5",
        b'{"b": 2}',
    ]
    [first, second] = read_rows("a.csv", b'a,b\n1,"x\ny"\n1,2,3\n')
    assert first.cells == {"a": "1", "b": "x\ny"}
    assert second.cells is None


def test_outcomes_in_sequence(tmp_path: Path) -> None:
    """Keyed rows are new, duplicate or corrected; equal rows without a key stay two, and are known again elsewhere."""
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "customers.json").write_text('[{"id": "c"}]')
    keyed = {"eventName": "e", "customerId": "c", "idempotencyKey": "k", "timestamp": "2026-01-01T00:00:00Z"}
    free = {"eventName": "e", "customerId": "c", "timestamp": "2026-01-01T00:00:00Z"}
    rows = [keyed, {**keyed, "properties": {}}, {**keyed, "eventName": "f"}, keyed, free, free]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, [free, free, free])))
    installation = Installation()
    installation.take_catalog(folder, CLOCK)
    first = installation.run([tmp_path / "a.jsonl"], Mapping(), CLOCK)
    second = installation.run([tmp_path / "b.jsonl", tmp_path / "a.jsonl"], Mapping(), CLOCK)
    assert first.outcomes == {"new": 3, "duplicate": 1, "corrected": 2}
    assert second.outcomes == {"new": 1, "duplicate": 2}
    assert second.duplicates_without_key == 2
    assert installation.run([tmp_path / "a.jsonl"], Mapping(), CLOCK).status == "unchanged"


def test_worlds_are_made_again_from_their_seed() -> None:
    """A seed is enough to see a disagreement again."""
    once, again = make_world(3), make_world(3)
    assert [export.render() for export in once.exports] == [export.render() for export in again.exports]
    assert sum(len(export.rows) for export in once.exports) > 100
