"""The ranges in which several contracts price a meter are those that a look at every single day finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from schemas.frames.instant import INSTANT
from schemas.frames.usage import AMBIGUOUS_RANGES
from transforms.usage.ambiguity import ambiguities

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [FIRST + timedelta(days=n) for n in range(12)]

CONTRACTS = pl.Schema(
    {
        "contract_no": pl.Int32(),
        "customer_no": pl.Int32(),
        "plan_no": pl.Int32(),
        "start_at": INSTANT,
        "end_at": INSTANT,
    }
)
PRICINGS = pl.Schema({"plan_no": pl.Int32(), "meter_no": pl.Int32()})

spans = st.tuples(st.integers(0, 8), st.integers(1, 6) | st.none())
contracts = st.lists(st.tuples(st.integers(1, 2), st.integers(1, 3), spans), max_size=5)
pricings = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2)), max_size=5)


@given(contracts, pricings)
def test_days_on_which_several_contracts_price_a_meter(
    owned: list[tuple[int, int, tuple[int, int | None]]], priced: list[tuple[int, int]]
) -> None:
    """A customer's day is ambiguous for a meter exactly if more than one covering contract prices it; ranges never overlap."""
    rows = [
        (
            number,
            customer,
            plan,
            DAYS[start],
            None if length is None else DAYS[start] + timedelta(days=length),
        )
        for number, (customer, plan, (start, length)) in enumerate(owned)
    ]
    found = ambiguities(
        pl.DataFrame(rows, schema=CONTRACTS, orient="row"),
        pl.DataFrame(priced, schema=PRICINGS, orient="row"),
    )
    assert found.schema == AMBIGUOUS_RANGES
    days = [
        (customer, meter, day)
        for customer, meter, from_at, until_at in found.iter_rows()
        for day in DAYS
        if from_at <= day < until_at
    ]
    assert sorted(days) == sorted(
        (customer, meter, day)
        for customer in (1, 2)
        for meter in (1, 2)
        for day in DAYS
        if sum(
            owner == customer and (plan, meter) in priced and start <= day and (end is None or day < end)
            for _, owner, plan, start, end in rows
        )
        > 1
    )
