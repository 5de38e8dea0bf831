"""An anchor is a date, a day of month or the contract's start."""

from datetime import date

import pytest

from tests.transforms.contract_periods import on
from transforms.usage.anchors import Anchor, anchor_of


@pytest.mark.parametrize(
    ("start", "anchor", "expected"),
    [
        ("2026-01-10", None, Anchor(2026, 1, 10)),
        ("2026-01-10", "2020-02-29", Anchor(2020, 2, 29)),
        ("2026-01-10", "10", Anchor(2026, 1, 10)),
        ("2026-01-10", "9", Anchor(2026, 2, 9)),
        ("2026-12-10", "9", Anchor(2027, 1, 9)),
        ("2026-02-28", "31", Anchor(2026, 2, 31)),
        ("2026-01-31", "30", Anchor(2026, 2, 30)),
    ],
)
def test_an_anchor_is_a_date_a_day_of_month_or_the_start(
    start: str, anchor: str | None, expected: Anchor
) -> None:
    """A day of month stands for the first such day on or after the start, clamped to its month."""
    assert anchor_of(on(start), anchor) == expected


@pytest.mark.parametrize(
    "anchor", ["0", "32", "", "first", "2026-02-30", "2026-2-3", "20260203", "-1", "٣", "1.0"]
)
def test_a_bad_anchor_raises(anchor: str) -> None:
    """A text that is neither a date nor a day of month raises ValueError."""
    with pytest.raises(ValueError, match="is n"):
        anchor_of(date(2026, 1, 1), anchor)
