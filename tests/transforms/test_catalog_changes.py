"""A thing that has changed is shown field by field."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.vocabulary import Kind
from tests.transforms.catalog_folders import CONTRACT, METER, PRICING, UUID, document, folder_of
from transforms.catalog.changes import FieldChange, changes


class TestChanges:
    """Database and folder are compared field by field."""

    def changed(self, kind: Kind, before: dict[str, Any], after: dict[str, Any]) -> tuple[FieldChange, ...]:
        (thing,) = folder_of(document(kind, after)).things[kind].values()
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
        """Another order is no change; a pricing that is gone or new is one."""
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
        """A pricing is not listed by each of its fields."""
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
    def test_another_spelling_is_no_change(
        self, kind: Kind, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        """In both directions."""
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
