"""Plans and contracts of a folder are understood, or their problems are returned with their places."""

from datetime import date
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from schemas.documents.catalog import Contract, Customer, Meter, Plan, UsagePricing
from schemas.vocabulary import Interval, Kind
from tests.transforms.catalog_folders import (
    CONTRACT,
    NOTHING,
    PRICING,
    document,
    folder_of,
    problems,
    understood,
)
from transforms.catalog.changes import changes
from transforms.catalog.references import find_dangling
from transforms.values.ids import identity


class TestPlans:
    """A plan has pricings."""

    def test_only_usage_pricing_needs_a_meter_and_an_interval(self) -> None:
        """Others are stored as they are; amounts keep their text."""
        flat = {"id": "r2", "model": "FLAT", "priceInterval": "DAY", "unitAmount": "0.10"}
        plan = understood(Kind.PLAN, {"id": "p", "pricing": [PRICING, flat]})
        usage, other = plan.pricing
        assert isinstance(usage, UsagePricing)
        assert (usage.meter_id, usage.price_interval, usage.price_interval_count) == ("m1", Interval.MONTH, 1)
        assert not isinstance(other, UsagePricing)
        assert other.model_dump()["unitAmount"] == "0.10"

    @pytest.mark.parametrize(("count", "expected"), [(None, 1), (3, 3), (Decimal("3.0"), 3)])
    def test_an_interval_is_counted_once_unless_it_says_so(self, count: Any, expected: int) -> None:
        """`3.0` is 3, as JSON values are."""
        plan = understood(Kind.PLAN, {"id": "p", "pricing": [{**PRICING, "priceIntervalCount": count}]})
        assert plan.pricing[0].price_interval_count == expected

    @pytest.mark.parametrize(
        ("pricing", "expected"),
        [
            (
                {**PRICING, "priceInterval": "DAY"},
                "[0].priceInterval: must be one of 'WEEK', 'MONTH' or 'YEAR', not 'DAY'",
            ),
            ({**PRICING, "priceIntervalCount": 0}, "[0].priceIntervalCount: must be at least 1, not 0"),
            (
                {**PRICING, "priceIntervalCount": Decimal("1.5")},
                "[0].priceIntervalCount: must be a whole number, not 1.5",
            ),
            (
                {**PRICING, "priceIntervalCount": True},
                "[0].priceIntervalCount: must be a whole number, not true",
            ),
            (
                {**PRICING, "priceIntervalCount": "1"},
                "[0].priceIntervalCount: must be a whole number, not '1'",
            ),
            (
                {**PRICING, "priceIntervalCount": 2**31},
                "[0].priceIntervalCount: must be at most 2147483647, not 2147483648",
            ),
            ({**PRICING, "meterId": None}, "[0]: meterId is required"),
            ({"id": "r", "model": "USAGE", "meterId": "m1"}, "[0]: priceInterval is required"),
            ({"id": "r"}, "[0]: model is required"),
            (5, "[0]: must be an object, not 5"),
        ],
    )
    def test_a_broken_pricing_is_a_problem_with_its_place(self, pricing: Any, expected: str) -> None:
        """The unknown interval, the count below 1, the missing meter."""
        assert problems(Kind.PLAN, {"id": "p", "pricing": [pricing]}) == [f"file.json[0].pricing{expected}"]

    def test_two_pricings_of_one_id_are_a_problem(self) -> None:
        """Within a plan."""
        assert problems(Kind.PLAN, {"id": "p", "pricing": [PRICING, PRICING]}) == [
            "file.json[0].pricing[1].id: 'r1' is already defined at pricing[0]"
        ]

    def test_usage_by_another_spelling_is_a_warning(self) -> None:
        """`usage` is not `USAGE`: it would be charged nothing in silence."""
        found = folder_of(document(Kind.PLAN, {"id": "p", "pricing": [{**PRICING, "model": "usage"}]}))
        assert [warning.place for warning in found.warnings] == ["file.json[0].pricing[0].model"]


class TestContracts:
    """A contract puts a customer on a plan, from a day to another."""

    def test_dates_and_anchor(self) -> None:
        """The end may be absent, null or empty: the contract rolls on."""
        contract = understood(
            Kind.CONTRACT, {**CONTRACT, "endDate": "2026-03-01", "billingCycleAnchor": "2025-12-31"}
        )
        assert (contract.start_date, contract.end_date) == (date(2026, 1, 1), date(2026, 3, 1))
        assert contract.billing_cycle_anchor == "2025-12-31"
        for absent in ({}, {"endDate": None}, {"endDate": ""}):
            assert understood(Kind.CONTRACT, {**CONTRACT, **absent}).end_date is None

    @pytest.mark.parametrize(
        ("anchor", "expected"), [(15, "15"), ("15", "15"), ("05", "5"), (Decimal("31.0"), "31"), (None, None)]
    )
    def test_an_anchor_may_be_a_day_of_month(self, anchor: Any, expected: str | None) -> None:
        """As a number or as text."""
        assert (
            understood(Kind.CONTRACT, {**CONTRACT, "billingCycleAnchor": anchor}).billing_cycle_anchor
            == expected
        )

    @pytest.mark.parametrize(
        "anchor", [0, 32, -1, "0", "32", "first", "2026-02-30", "2026-1-1", Decimal("1.5"), True, []]
    )
    def test_a_bad_anchor_is_a_problem(self, anchor: Any) -> None:
        """Neither a date nor a day of month."""
        (problem,) = problems(Kind.CONTRACT, {**CONTRACT, "billingCycleAnchor": anchor})
        assert problem.startswith("file.json[0].billingCycleAnchor: must be a")

    @pytest.mark.parametrize(
        "day", ["2026-02-30", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "0000-01-01", 20260101]
    )
    def test_a_bad_date_is_a_problem(self, day: Any) -> None:
        """`YYYY-MM-DD` and nothing else."""
        (problem,) = problems(Kind.CONTRACT, {**CONTRACT, "startDate": day})
        assert problem.startswith("file.json[0].startDate: must be a date YYYY-MM-DD, not ")

    @pytest.mark.parametrize("end", ["2026-01-01", "2025-12-31"])
    def test_inverted_dates_are_a_problem(self, end: str) -> None:
        """Trap 8: an end on or before the start is refused, not skipped."""
        assert problems(Kind.CONTRACT, {**CONTRACT, "endDate": end}) == [
            f"file.json[0].endDate: must be after the startDate 2026-01-01, not '{end}'"
        ]

    def test_is_active_is_ignored_and_odd_without_an_end(self) -> None:
        """Dates decide; `isActive: false` on a contract that rolls on is a warning."""
        ended = folder_of(document(Kind.CONTRACT, {**CONTRACT, "isActive": False, "endDate": "2026-02-01"}))
        rolling = folder_of(document(Kind.CONTRACT, {**CONTRACT, "isActive": False}))
        assert ended.warnings == ()
        assert [warning.place for warning in rolling.warnings] == ["file.json[0]"]
        assert rolling.problems == ()

    def test_all_problems_are_returned_together(self) -> None:
        """One contract, four problems."""
        assert len(problems(Kind.CONTRACT, {"id": 5, "startDate": "x", "endDate": "y", "planId": "p"})) == 4


def test_a_member_that_is_not_known_is_a_mistake_with_the_nearest_spelling() -> None:
    """`end_date` would let a contract roll on in silence, and `propertyFilter` let a meter bill everything; each is named once."""
    found = folder_of(
        *(
            document(
                Kind.CONTRACT,
                {**CONTRACT, "id": f"k{n}", "end_date": "2026-02-01", "timezone": "UTC"},
                f"f:{n}",
            )
            for n in (1, 2)
        ),
        document(Kind.METER, {"id": "m", "code": "m", "aggregationType": "COUNT", "propertyFilter": []}),
        document(Kind.PLAN, {"id": "p", "pricing": [{**PRICING, "PriceInterval": "x"}]}),
    )
    assert [str(problem) for problem in found.problems] == [
        "f:1: 'end_date' is not known here; did you mean 'endDate'?",
        "f:1: 'timezone' is not known here",
        "file.json[0]: 'propertyFilter' is not known here; did you mean 'propertyFilters'?",
        "file.json[0].pricing[0]: 'PriceInterval' is not known here; did you mean 'priceInterval'?",
    ]


def test_members_that_change_no_usage_are_kept() -> None:
    """The API's own members come without a word, other ones of customers and plans with a warning, others' pricing as it is."""
    found = folder_of(
        document(
            Kind.CONTRACT, {**CONTRACT, "createdAt": "2026-01-01T00:00:00Z", "metadata": {"a": 1}}, "f:1"
        ),
        document(Kind.CUSTOMER, {"id": "c", "email": "a@example.com", "externalId": "x"}, "f:2"),
        document(
            Kind.PLAN,
            {"id": "p", "pricing": [{"id": "r", "model": "FLAT", "fee": 1}, {**PRICING, "unitAmount": 1}]},
        ),
    )
    assert found.problems == ()
    assert [str(warning) for warning in found.warnings] == [
        "f:2: 'externalId' is not known here, is kept and changes no usage; did you mean 'externalCustomerId'?"
    ]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted(
    field.alias or name
    for model in (Customer, Meter, Plan, UsagePricing, Contract)
    for name, field in model.model_fields.items()
)


@given(
    st.lists(
        st.tuples(st.sampled_from(Kind), JSON | st.dictionaries(st.sampled_from(FIELDS), JSON)), max_size=6
    )
)
def test_every_document_is_a_thing_or_a_problem(contents: list[tuple[Kind, Any]]) -> None:
    """No JSON value raises an error, and a thing does not differ from its own document."""
    documents = [document(kind, content, f"f:{n}") for n, (kind, content) in enumerate(contents)]
    found = folder_of(*documents)
    find_dangling(found, NOTHING, documents)
    for kind, things in found.things.items():
        for thing in things.values():
            assert changes(kind, thing.content, thing) == ()
    assert sum(map(len, found.things.values())) + len({p.place.split(".")[0] for p in found.problems}) >= len(
        contents
    )


@given(st.uuids().map(str), st.data())
def test_uuids_are_one_in_any_letter_case(uuid: str, data: st.DataObject) -> None:
    """And nothing else is."""
    spelled = "".join(data.draw(st.sampled_from([c.lower(), c.upper()])) for c in uuid)
    assert identity(spelled) == identity(uuid)
    assert identity(f"{spelled}x") == f"{spelled}x"
