"""The instants that contracts cover, where a zone skips a day."""

from datetime import UTC, date, datetime

import polars as pl

from transforms.usage.coverage import coverages


def contracts(*days: tuple[date, date | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(number, *both) for number, both in enumerate(days, start=1)],
        schema={"contract_no": pl.Int32, "start_on": pl.Date, "end_on": pl.Date},
        orient="row",
    )


def test_a_contract_over_a_skipped_day_alone_covers_nothing() -> None:
    """Apia had no 30 December 2011: a contract of that day is no contract, those around it meet."""
    days = contracts(
        (date(2011, 12, 29), date(2011, 12, 30)),
        (date(2011, 12, 30), date(2011, 12, 31)),
        (date(2011, 12, 31), None),
    )
    midnight = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert coverages(days, zone="Pacific/Apia").rows() == [
        (1, datetime(2011, 12, 29, 10, tzinfo=UTC), midnight),
        (3, midnight, None),
    ]
