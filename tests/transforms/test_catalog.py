"""Customers and meters of a folder are understood, or their problems are returned with their places."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from schemas.documents.catalog import Customer
from schemas.vocabulary import Kind
from tests.transforms.catalog_folders import METER, UUID, document, folder_of, problems, understood


class TestCustomers:
    """A customer is charged, and has two ids."""

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
        found = folder_of(
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
        two = folder_of(document(Kind.CUSTOMER, {"id": "a"}), document(Kind.CUSTOMER, {"id": "A"}))
        assert len(two.things[Kind.CUSTOMER]) == 2
        one = folder_of(
            document(Kind.CUSTOMER, {"id": UUID}, "a"), document(Kind.CUSTOMER, {"id": UUID.upper()}, "b")
        )
        assert [problem.place for problem in one.problems] == ["b.id"]

    @pytest.mark.parametrize(
        "id_",
        ["null", "NULL", "none", "None", "undefined", "0", "000", "00000000-0000-0000-0000-000000000000"],
    )
    def test_placeholder_ids_get_a_warning(self, id_: str) -> None:
        """Trap 40: `null`, `none`, `undefined` and zeros are loaded with a warning; real ids get none."""
        found = folder_of(document(Kind.CUSTOMER, {"id": id_, "externalCustomerId": id_}))
        assert [warning.place for warning in found.warnings] == [
            "file.json[0].id",
            "file.json[0].externalCustomerId",
        ]
        assert found.problems == ()
        assert folder_of(document(Kind.CUSTOMER, {"id": UUID, "externalCustomerId": "100"})).warnings == ()

    def test_ids_that_a_spreadsheet_has_rounded_get_a_warning(self) -> None:
        """Trap 27: `1.23E+15` as an id."""
        (warning,) = folder_of(
            document(Kind.CUSTOMER, {"id": "c", "externalCustomerId": "1.23E+15"})
        ).warnings
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
        """One line each, with the place and the value."""
        assert problems(Kind.CUSTOMER, content) == expected


class TestMeters:
    """A meter counts events."""

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
        """The message names the known ones."""
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
        (condition,) = understood(Kind.METER, content).property_filters
        assert [(type(v), v) for v in condition.include] == [
            (int, 1),
            (str, "1"),
            (bool, True),
            (Decimal, exact),
        ]
        assert condition.exists is True
        assert condition.exclude is None

    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("eventTypeFilter", {"include": []}, ".eventTypeFilter.include: must not be empty"),
            (
                "eventTypeFilter",
                {"includes": ["a"]},
                ".eventTypeFilter: 'includes' is not known here; did you mean 'include'?",
            ),
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
        """The place leads to the value."""
        assert problems(Kind.METER, {**METER, field: value}) == [f"file.json[0]{expected}"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2026-01-02 03:04:05.1234567+02:00", datetime(2026, 1, 2, 1, 4, 5, 123456, tzinfo=UTC)),
            ("2026-01-02t03:04:05.5 -0330", datetime(2026, 1, 2, 6, 34, 5, 500000, tzinfo=UTC)),
        ],
    )
    def test_an_inactive_meter_has_an_instant(self, text: str, expected: datetime) -> None:
        """Any timestamp that an event may carry; further digits are cut."""
        assert (
            understood(Kind.METER, {**METER, "status": "inactive", "inactiveAt": text}).inactive_at
            == expected
        )

    def test_sql_is_loaded_as_unsupported(self) -> None:
        """With a warning; an empty text is none."""
        found = folder_of(document(Kind.METER, {**METER, "sql": "select count() from events"}))
        assert [warning.place for warning in found.warnings] == ["file.json[0].sql"]
        assert not understood(Kind.METER, {**METER, "sql": "select 1"}).is_supported
        assert understood(Kind.METER, {**METER, "sql": ""}).is_supported

    def test_a_code_of_two_meters_is_a_warning(self) -> None:
        """Ids are unique, codes should be."""
        found = folder_of(document(Kind.METER, METER, "a"), document(Kind.METER, {**METER, "id": "m2"}, "b"))
        assert found.problems == ()
        assert [warning.place for warning in found.warnings] == ["b.code"]
