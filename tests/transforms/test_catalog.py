"""A told catalog is understood whole, or everything that is wrong with it is said with its place."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.documents.catalog import Contract, Customer, Meter, Plan, UsagePricing
from schemas.vocabulary import Interval, Kind
from transforms.catalog.changes import FieldChange, changes
from transforms.catalog.references import (
    ExistingCatalog,
    ExistingThing,
    find_dangling,
    find_taken,
    lacking,
    prunable,
)
from transforms.catalog.understand import CatalogProblem, Document, FolderCatalog, understand
from transforms.values.ids import identity

METER = {"id": "m1", "code": "calls", "aggregationType": "COUNT"}
PRICING = {"id": "r1", "model": "USAGE", "meterId": "m1", "priceInterval": "MONTH", "priceIntervalCount": 1}
CONTRACT = {"id": "k1", "customerId": "c1", "planId": "p1", "startDate": "2026-01-01"}
UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
EVERY_KIND = frozenset(Kind)
NOTHING: ExistingCatalog = {kind: {} for kind in Kind}


def document(kind: Kind, content: Any, place: str = "file.json[0]") -> Document:
    return Document(kind, place, content)


def told(*documents: Document) -> FolderCatalog:
    return understand(documents)


def problems(kind: Kind, content: Any) -> list[str]:
    return [str(problem) for problem in told(document(kind, content)).problems]


def understood(kind: Kind, content: dict[str, Any]) -> Any:
    found = told(document(kind, content))
    assert found.problems == ()
    (thing,) = found.things[kind].values()
    return thing.model


def held(**kinds: dict[str, ExistingThing]) -> ExistingCatalog:
    return {kind: kinds.get(kind.value, {}) for kind in Kind}


class TestCustomers:
    """Who is charged, under two ids."""

    def test_the_external_id_may_stand_in_metadata(self) -> None:
        """Where both places name one, they name the same."""
        assert (
            understood(
                Kind.CUSTOMER, {"id": "c", "metadata": {"externalCustomerId": "x"}}
            ).external_customer_id
            == "x"
        )
        both = {"id": "c", "externalCustomerId": "x", "metadata": {"externalCustomerId": "x", "tier": 1}}
        assert understood(Kind.CUSTOMER, both).external_customer_id == "x"
        assert problems(Kind.CUSTOMER, {**both, "externalCustomerId": "y"}) == [
            "file.json[0]: externalCustomerId and metadata.externalCustomerId differ"
        ]

    @pytest.mark.parametrize("absent", [{}, {"externalCustomerId": None}, {"externalCustomerId": ""}])
    def test_null_and_the_empty_text_are_absent(self, absent: dict[str, Any]) -> None:
        """As for the fields of an event."""
        assert understood(Kind.CUSTOMER, {"id": "c", **absent}) == Customer(id="c")

    def test_both_ids_are_unique(self) -> None:
        """The second place is the problem, and names the first."""
        found = told(
            document(Kind.CUSTOMER, {"id": "a", "externalCustomerId": "x"}, "customers.csv:2"),
            document(Kind.CUSTOMER, {"id": "a"}, "customers.csv:3"),
            document(Kind.CUSTOMER, {"id": "b", "externalCustomerId": "x"}, "customers.csv:4"),
        )
        assert [str(problem) for problem in found.problems] == [
            "customers.csv:3.id: 'a' is already defined at customers.csv:2",
            "customers.csv:4.externalCustomerId: 'x' is already defined at customers.csv:2",
        ]

    def test_letter_case_counts_except_in_uuids(self) -> None:
        """`a` and `A` are two customers; a UUID in capitals is the same."""
        two = told(document(Kind.CUSTOMER, {"id": "a"}), document(Kind.CUSTOMER, {"id": "A"}))
        assert len(two.things[Kind.CUSTOMER]) == 2
        one = told(
            document(Kind.CUSTOMER, {"id": UUID}, "a"), document(Kind.CUSTOMER, {"id": UUID.upper()}, "b")
        )
        assert [problem.place for problem in one.problems] == ["b.id"]

    @pytest.mark.parametrize(
        "id_",
        ["null", "NULL", "none", "None", "undefined", "0", "000", "00000000-0000-0000-0000-000000000000"],
    )
    def test_placeholder_ids_get_a_warning(self, id_: str) -> None:
        """Trap 40: `null`, `none`, `undefined` and zeros are taken, and said aloud; real ids are not."""
        found = told(document(Kind.CUSTOMER, {"id": id_, "externalCustomerId": id_}))
        assert [warning.place for warning in found.warnings] == [
            "file.json[0].id",
            "file.json[0].externalCustomerId",
        ]
        assert found.problems == ()
        assert told(document(Kind.CUSTOMER, {"id": UUID, "externalCustomerId": "100"})).warnings == ()

    def test_ids_that_a_spreadsheet_has_rounded_get_a_warning(self) -> None:
        """Trap 27: `1.23E+15` as an id."""
        (warning,) = told(document(Kind.CUSTOMER, {"id": "c", "externalCustomerId": "1.23E+15"})).warnings
        assert "spreadsheet" in warning.message

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ({"name": "x"}, ["file.json[0]: id is required"]),
            ({"id": ""}, ["file.json[0]: id is required"]),
            ({"id": 5}, ["file.json[0].id: must be text, not 5"]),
            ({"id": "a\nb"}, [r"file.json[0].id: must not hold a control character, not 'a\nb'"]),
            ({"id": "x" * 256}, ["file.json[0].id: must have at most 255 characters"]),
            ([], ["file.json[0]: must be an object, not a list"]),
            (None, ["file.json[0]: must be an object, not null"]),
        ],
    )
    def test_a_broken_customer_is_a_problem(self, content: Any, expected: list[str]) -> None:
        """Said in one line each, with the place and the value."""
        assert problems(Kind.CUSTOMER, content) == expected


class TestMeters:
    """What is counted."""

    def test_sums_by_default(self) -> None:
        """`aggregationType` absent is SUM, which needs a key."""
        meter = understood(Kind.METER, {"id": "m", "code": "c", "aggregationKey": "tokens"})
        assert (meter.aggregation_type, meter.aggregation_key) == ("SUM", "tokens")
        assert problems(Kind.METER, {"id": "m", "code": "c"}) == [
            "file.json[0]: aggregationKey is required for SUM"
        ]

    @pytest.mark.parametrize("kind", ["SUM", "MAX", "MIN"])
    def test_sum_max_and_min_need_a_key_and_count_does_not(self, kind: str) -> None:
        """A structure that SQL overrides need not be whole."""
        content = {"id": "m", "code": "c", "aggregationType": kind}
        assert problems(Kind.METER, content) == [f"file.json[0]: aggregationKey is required for {kind}"]
        assert problems(Kind.METER, {**content, "sql": "select 1"}) == []
        assert problems(Kind.METER, {**content, "aggregationType": "COUNT"}) == []

    def test_an_unknown_aggregation_is_a_problem(self) -> None:
        """It names what there is."""
        assert problems(Kind.METER, {**METER, "aggregationType": "UNIQUE"}) == [
            "file.json[0].aggregationType: must be one of 'COUNT', 'SUM', 'MAX' or 'MIN', not 'UNIQUE'"
        ]

    def test_an_event_filter_includes_then_excludes(self) -> None:
        """Neither means every name."""
        names = understood(
            Kind.METER, {**METER, "eventTypeFilter": {"include": ["a", "b"], "exclude": ["b"]}}
        )
        assert (names.event_type_filter.include, names.event_type_filter.exclude) == (("a", "b"), ("b",))
        every = understood(Kind.METER, {**METER, "eventTypeFilter": None})
        assert (every.event_type_filter.include, every.event_type_filter.exclude) == (None, ())

    def test_filters_keep_the_types_of_their_values(self) -> None:
        """Trap 29: `1`, `"1"` and `true` are three; numbers are exact."""
        exact = Decimal("1.10000000000000000001")
        content = {
            **METER,
            "propertyFilters": [{"name": "a", "include": [1, "1", True, exact], "exists": True}],
        }
        (told_filter,) = understood(Kind.METER, content).property_filters
        assert [(type(v), v) for v in told_filter.include] == [
            (int, 1),
            (str, "1"),
            (bool, True),
            (Decimal, exact),
        ]
        assert told_filter.exists is True
        assert told_filter.exclude is None

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("eventTypeFilter", {"include": []}, ".eventTypeFilter.include: must not be empty"),
            ("eventTypeFilter", {"includes": ["a"]}, ".eventTypeFilter: 'includes' is not known here"),
            ("eventTypeFilter", {"include": ["a", 5]}, ".eventTypeFilter.include[1]: must be text, not 5"),
            ("eventTypeFilter", ["a"], ".eventTypeFilter: must be an object, not a list"),
            (
                "propertyFilters",
                [{"name": "a"}],
                ".propertyFilters[0]: needs one of exists, include, exclude",
            ),
            ("propertyFilters", [{"exists": True}], ".propertyFilters[0]: name is required"),
            (
                "propertyFilters",
                [{"name": "a", "equals": 1}],
                ".propertyFilters[0]: 'equals' is not known here",
            ),
            (
                "propertyFilters",
                [{"name": "a", "include": []}],
                ".propertyFilters[0].include: must not be empty",
            ),
            (
                "propertyFilters",
                [{"name": "a", "exists": "no"}],
                ".propertyFilters[0].exists: must be true or false, not 'no'",
            ),
            (
                "propertyFilters",
                [{"name": "a", "exists": True}, {"name": "b", "include": [1, None]}],
                ".propertyFilters[1].include[1]: must be text, a number or a truth value, not null",
            ),
            ("propertyFilters", {"name": "a"}, ".propertyFilters: must be a list, not an object"),
            ("groupKeys", ["a", "a"], ".groupKeys: must not name a property twice"),
            ("groupKeys", "model", ".groupKeys: must be a list, not 'model'"),
            ("status", "off", ".status: must be one of 'active' or 'inactive', not 'off'"),
            ("inactiveAt", "2026-01-01", ".inactiveAt: must be ISO 8601 with an offset, not '2026-01-01'"),
            (
                "inactiveAt",
                "2026-02-30T00:00:00Z",
                ".inactiveAt: must be ISO 8601 with an offset, not '2026-02-30T00:00:00Z'",
            ),
            (
                "inactiveAt",
                "9999-12-31T23:59:59-01",
                ".inactiveAt: must be ISO 8601 with an offset, not '9999-12-31T23:59:59-01'",
            ),
        ],
    )
    def test_a_broken_meter_is_a_problem_with_its_place(self, field: str, value: Any, expected: str) -> None:
        """The place leads to the very value."""
        assert problems(Kind.METER, {**METER, field: value}) == [f"file.json[0]{expected}"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2026-01-02 03:04:05.1234567+02:00", datetime(2026, 1, 2, 1, 4, 5, 123456, tzinfo=UTC)),
            ("2026-01-02t03:04:05.5 -0330", datetime(2026, 1, 2, 6, 34, 5, 500000, tzinfo=UTC)),
        ],
    )
    def test_an_inactive_meter_says_since_when(self, text: str, expected: datetime) -> None:
        """Any timestamp that an event may carry; further digits are cut."""
        assert (
            understood(Kind.METER, {**METER, "status": "inactive", "inactiveAt": text}).inactive_at
            == expected
        )

    def test_sql_is_loaded_as_unsupported(self) -> None:
        """With a warning; an empty text is none."""
        found = told(document(Kind.METER, {**METER, "sql": "select count() from events"}))
        assert [warning.place for warning in found.warnings] == ["file.json[0].sql"]
        assert not understood(Kind.METER, {**METER, "sql": "select 1"}).is_supported
        assert understood(Kind.METER, {**METER, "sql": ""}).is_supported

    def test_a_code_of_two_meters_is_a_warning(self) -> None:
        """Ids are unique, codes should be."""
        found = told(document(Kind.METER, METER, "a"), document(Kind.METER, {**METER, "id": "m2"}, "b"))
        assert found.problems == ()
        assert [warning.place for warning in found.warnings] == ["b.code"]


class TestPlans:
    """What is charged for."""

    def test_only_usage_pricing_needs_a_meter_and_an_interval(self) -> None:
        """Others are kept as they were told; amounts keep their text."""
        flat = {"id": "r2", "model": "FLAT", "priceInterval": "DAY", "unitAmount": "0.10"}
        plan = understood(Kind.PLAN, {"id": "p", "pricing": [PRICING, flat]})
        usage, other = plan.pricing
        assert isinstance(usage, UsagePricing)
        assert (usage.meter_id, usage.price_interval, usage.price_interval_count) == ("m1", Interval.MONTH, 1)
        assert not isinstance(other, UsagePricing)
        assert other.model_dump()["unitAmount"] == "0.10"

    @pytest.mark.parametrize(("told_count", "expected"), [(None, 1), (3, 3), (Decimal("3.0"), 3)])
    def test_an_interval_is_counted_once_unless_it_says_so(self, told_count: Any, expected: int) -> None:
        """`3.0` is 3, as JSON values are."""
        plan = understood(Kind.PLAN, {"id": "p", "pricing": [{**PRICING, "priceIntervalCount": told_count}]})
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
        found = told(document(Kind.PLAN, {"id": "p", "pricing": [{**PRICING, "model": "usage"}]}))
        assert [warning.place for warning in found.warnings] == ["file.json[0].pricing[0].model"]


class TestContracts:
    """Who is charged by which plan, from when to when."""

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
        ended = told(document(Kind.CONTRACT, {**CONTRACT, "isActive": False, "endDate": "2026-02-01"}))
        rolling = told(document(Kind.CONTRACT, {**CONTRACT, "isActive": False}))
        assert ended.warnings == ()
        assert [warning.place for warning in rolling.warnings] == ["file.json[0]"]
        assert rolling.problems == ()

    def test_everything_wrong_is_told_at_once(self) -> None:
        """One contract, four problems."""
        assert len(problems(Kind.CONTRACT, {"id": 5, "startDate": "x", "endDate": "y", "planId": "p"})) == 4


def test_a_field_by_another_spelling_is_a_warning_once() -> None:
    """`end_date` would let a contract roll on in silence."""
    found = told(
        *(
            document(
                Kind.CONTRACT, {**CONTRACT, "id": f"k{n}", "end_date": "2026-02-01", "note": 1}, f"f:{n}"
            )
            for n in (1, 2)
        ),
        document(Kind.PLAN, {"id": "p", "pricing": [{**PRICING, "PriceInterval": "x"}]}),
    )
    assert [str(warning) for warning in found.warnings] == [
        "f:1: 'end_date' is not known here, and means nothing; there is 'endDate'",
        "file.json[0].pricing[0]: 'PriceInterval' is not known here, and means nothing; there is 'priceInterval'",
    ]


class TestReferences:
    """Against folder and database together."""

    def test_a_reference_may_be_to_the_folder_or_to_what_is_held(self) -> None:
        """UUIDs in any letter case."""
        documents = [
            document(Kind.CUSTOMER, {"id": UUID}),
            document(Kind.CONTRACT, {**CONTRACT, "customerId": UUID.upper(), "planId": "p9"}),
        ]
        assert find_dangling(told(*documents), held(plan={"p9": ExistingThing(1, "p9")}), documents) == ()

    def test_a_reference_to_nothing_is_a_problem(self) -> None:
        """Customer, plan, meter; each with its place."""
        documents = [
            document(
                Kind.PLAN,
                {"id": "p", "pricing": [{"id": "x", "model": "FLAT", "meterId": "no"}, PRICING]},
                "plans.json[0]",
            ),
            document(Kind.CONTRACT, {**CONTRACT, "startDate": "broken"}, "contracts.jsonl:3"),
        ]
        assert [str(problem) for problem in find_dangling(told(*documents), NOTHING, documents)] == [
            "plans.json[0].pricing[1].meterId: there is no meter 'm1'",
            "contracts.jsonl:3.customerId: there is no customer 'c1'",
            "contracts.jsonl:3.planId: there is no plan 'p1'",
        ]

    def test_a_broken_thing_is_not_missing(self) -> None:
        """One mistake, one problem: a plan that cannot be read is there all the same."""
        documents = [
            document(Kind.CUSTOMER, {"id": "c1", "name": 5}),
            document(Kind.PLAN, {"id": "p1", "pricing": 5}),
            document(Kind.CONTRACT, CONTRACT),
        ]
        assert find_dangling(told(*documents), NOTHING, documents) == ()

    @pytest.mark.parametrize("near", ["C1", " c1", "c1 ", "ｃ1"])
    def test_a_near_miss_is_named(self, near: str) -> None:
        """Trap 39: by case, outer spaces or Unicode form; never mended."""
        documents = [
            document(Kind.CUSTOMER, {"id": "c1"}),
            document(Kind.PLAN, {"id": "p1"}),
            document(Kind.CONTRACT, {**CONTRACT, "customerId": near}),
        ]
        (problem,) = find_dangling(told(*documents), NOTHING, documents)
        assert "there is 'c1', but ids are matched exactly" in problem.message

    def test_an_external_id_can_be_held_by_another(self) -> None:
        """By a customer whom the folder lacks; one that it tells anew, or prunes, gives it up."""
        found = told(document(Kind.CUSTOMER, {"id": "new", "externalCustomerId": "x"}))
        holding = held(customer={"old": ExistingThing(1, "old", external_customer_id="x")})
        assert find_taken(found, holding, pruned=frozenset()) == (
            CatalogProblem("file.json[0].externalCustomerId", "'x' belongs to customer 'old'"),
        )
        assert find_taken(found, holding, pruned=frozenset({"old"})) == ()
        both = told(
            document(Kind.CUSTOMER, {"id": "new", "externalCustomerId": "x"}),
            document(Kind.CUSTOMER, {"id": "old", "externalCustomerId": "y"}),
        )
        assert find_taken(both, holding, pruned=frozenset()) == ()


class TestPruning:
    """What the folder lacks and nothing names any more."""

    HOLDING = held(
        customer={"c1": ExistingThing(1, "c1"), "c2": ExistingThing(2, "c2")},
        meter={"m1": ExistingThing(1, "m1"), "m2": ExistingThing(2, "m2")},
        plan={"p1": ExistingThing(1, "p1", references=((Kind.METER, "m1"),))},
        contract={"k1": ExistingThing(1, "k1", references=((Kind.CUSTOMER, "c1"), (Kind.PLAN, "p1")))},
    )

    def pruned(self, found: FolderCatalog, **in_use: set[int]) -> set[str]:
        named = {kind: in_use.get(kind.value, set()) for kind in Kind}
        return {key for things in prunable(found, self.HOLDING, EVERY_KIND, named).values() for key in things}

    def test_what_nothing_names_goes_with_all_that_it_alone_named(self) -> None:
        """An empty folder of every kind removes everything."""
        assert self.pruned(told()) == {"c1", "c2", "m1", "m2", "p1", "k1"}

    def test_what_usage_names_stays_with_all_that_it_names(self) -> None:
        """A contract on a line keeps its customer, its plan and the plan's meter."""
        assert self.pruned(told(), contract={1}) == {"c2", "m2"}
        assert self.pruned(told(), customer={2}, meter={2}) == {"c1", "m1", "p1", "k1"}

    def test_what_the_folder_tells_and_names_stays(self) -> None:
        """A told contract names a customer and a plan that the folder lacks."""
        assert self.pruned(told(document(Kind.CONTRACT, CONTRACT))) == {"c2", "m2"}

    def test_a_kind_without_a_file_is_left_alone(self) -> None:
        """A folder of meters says nothing about customers."""
        only_meters = frozenset({Kind.METER})
        assert lacking(told(), self.HOLDING, only_meters)[Kind.CUSTOMER] == {}
        assert prunable(told(), self.HOLDING, only_meters, {})[Kind.METER].keys() == {"m2"}


class TestChanges:
    """ExistingCatalog and told, field by field."""

    def changed(self, kind: Kind, before: dict[str, Any], after: dict[str, Any]) -> tuple[FieldChange, ...]:
        (thing,) = told(document(kind, after)).things[kind].values()
        return changes(kind, before, thing)

    def test_each_field_is_named_with_both_values(self) -> None:
        """Nested ones by their path."""
        before = {"id": "c", "name": "One", "metadata": {"tier": 1}}
        after = {"id": "c", "externalCustomerId": "x", "metadata": {"tier": 2}}
        assert self.changed(Kind.CUSTOMER, before, after) == (
            FieldChange("externalCustomerId", None, "x"),
            FieldChange("metadata.tier", 1, 2),
            FieldChange("name", "One", None),
        )

    def test_pricing_is_compared_by_its_id(self) -> None:
        """Another order is no change; what is gone and what is new is."""
        other = {**PRICING, "id": "r2"}
        assert (
            self.changed(
                Kind.PLAN, {"id": "p", "pricing": [PRICING, other]}, {"id": "p", "pricing": [other, PRICING]}
            )
            == ()
        )
        found = self.changed(
            Kind.PLAN,
            {"id": "p", "pricing": [PRICING]},
            {"id": "p", "pricing": [{**PRICING, "priceInterval": "YEAR"}]},
        )
        assert found == (FieldChange("pricing.r1.priceInterval", "MONTH", "YEAR"),)

    def test_an_object_that_comes_or_goes_is_one_change(self) -> None:
        """A pricing is not told by each of its fields."""
        one, two = (
            {"id": "p", "pricing": [PRICING]},
            {"id": "p", "pricing": [PRICING, {**PRICING, "id": "r2"}]},
        )
        (added,), (removed,) = self.changed(Kind.PLAN, one, two), self.changed(Kind.PLAN, two, one)
        assert added.field == removed.field == "pricing.r2"
        assert (added.before, removed.after) == (None, None)
        assert added.after == removed.before
        assert added.after["priceInterval"] == "MONTH"

    @pytest.mark.parametrize(
        ("kind", "before", "after"),
        [
            (Kind.CUSTOMER, {"id": "c", "externalCustomerId": "x"}, {"id": "c", "metadata": {"externalCustomerId": "x"}}),
            (Kind.CUSTOMER, {"id": "c", "name": None}, {"id": "c"}),
            (Kind.CUSTOMER, {"id": "c", "credit": 1}, {"id": "c", "credit": Decimal("1.00")}),
            (Kind.METER, {"id": "m", "code": "c", "aggregationKey": "k"}, {"id": "m", "code": "c", "aggregationKey": "k", "aggregationType": "SUM", "status": "active"}),
            (Kind.CONTRACT, {**CONTRACT, "billingCycleAnchor": 15}, {**CONTRACT, "billingCycleAnchor": "15"}),
            (Kind.CONTRACT, {**CONTRACT, "isActive": True}, {**CONTRACT, "isActive": False}),
            (Kind.CONTRACT, {**CONTRACT, "customerId": UUID}, {**CONTRACT, "customerId": UUID.upper()}),
            (Kind.PLAN, {"id": "p", "pricing": [PRICING]}, {"id": "p", "pricing": [{k: v for k, v in PRICING.items() if k != "priceIntervalCount"}]}),
        ],
    )  # fmt: skip
    def test_the_same_said_otherwise_is_no_change(
        self, kind: Kind, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        """Both ways."""
        assert self.changed(kind, before, after) == ()
        assert self.changed(kind, after, before) == ()

    @pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (1, "1"), (True, "true")])
    def test_values_of_two_types_differ(self, before: Any, after: Any) -> None:
        """Trap 29: in filters above all, where Python takes `1` for `True`."""

        def filtering(value: Any) -> dict[str, Any]:
            return {**METER, "propertyFilters": [{"name": "a", "include": [value]}]}

        assert [c.field for c in self.changed(Kind.METER, filtering(before), filtering(after))] == [
            "propertyFilters"
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
def test_whatever_a_folder_holds_is_understood_or_a_problem(contents: list[tuple[Kind, Any]]) -> None:
    """No JSON value makes it stumble; what is understood once is understood alike again."""
    documents = [document(kind, content, f"f:{n}") for n, (kind, content) in enumerate(contents)]
    found = told(*documents)
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
