"""References are checked against folder and database together, and only unused things can be pruned."""

import pytest

from schemas.vocabulary import Kind
from tests.transforms.catalog_folders import CONTRACT, NOTHING, PRICING, UUID, document, existing, folder_of
from transforms.catalog.references import ExistingThing, find_dangling, find_taken, lacking, prunable
from transforms.catalog.understand import CatalogProblem, FolderCatalog


class TestReferences:
    """Against folder and database together."""

    def test_a_reference_may_be_to_the_folder_or_to_the_database(self) -> None:
        """UUIDs in any letter case."""
        documents = [
            document(Kind.CUSTOMER, {"id": UUID}),
            document(Kind.CONTRACT, {**CONTRACT, "customerId": UUID.upper(), "planId": "p9"}),
        ]
        assert (
            find_dangling(folder_of(*documents), existing(plan={"p9": ExistingThing(1, "p9")}), documents)
            == ()
        )

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
        assert [str(problem) for problem in find_dangling(folder_of(*documents), NOTHING, documents)] == [
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
        assert find_dangling(folder_of(*documents), NOTHING, documents) == ()

    @pytest.mark.parametrize("near", ["C1", " c1", "c1 ", "ｃ1"])
    def test_a_near_miss_is_named(self, near: str) -> None:
        """Trap 39: by case, outer spaces or Unicode form; never mended."""
        documents = [
            document(Kind.CUSTOMER, {"id": "c1"}),
            document(Kind.PLAN, {"id": "p1"}),
            document(Kind.CONTRACT, {**CONTRACT, "customerId": near}),
        ]
        (problem,) = find_dangling(folder_of(*documents), NOTHING, documents)
        assert "there is 'c1', but ids are matched exactly" in problem.message

    def test_an_external_id_can_belong_to_another_customer(self) -> None:
        """To one that the folder lacks; a customer that the folder changes or prunes gives it up."""
        found = folder_of(document(Kind.CUSTOMER, {"id": "new", "externalCustomerId": "x"}))
        owning = existing(customer={"old": ExistingThing(1, "old", external_customer_id="x")})
        assert find_taken(found, owning, pruned=frozenset()) == (
            CatalogProblem("file.json[0].externalCustomerId", "'x' belongs to customer 'old'"),
        )
        assert find_taken(found, owning, pruned=frozenset({"old"})) == ()
        both = folder_of(
            document(Kind.CUSTOMER, {"id": "new", "externalCustomerId": "x"}),
            document(Kind.CUSTOMER, {"id": "old", "externalCustomerId": "y"}),
        )
        assert find_taken(both, owning, pruned=frozenset()) == ()


class TestPruning:
    """Things that the folder lacks and nothing refers to any more."""

    EXISTING = existing(
        customer={"c1": ExistingThing(1, "c1"), "c2": ExistingThing(2, "c2")},
        meter={"m1": ExistingThing(1, "m1"), "m2": ExistingThing(2, "m2")},
        plan={"p1": ExistingThing(1, "p1", references=((Kind.METER, "m1"),))},
        contract={"k1": ExistingThing(1, "k1", references=((Kind.CUSTOMER, "c1"), (Kind.PLAN, "p1")))},
    )

    def pruned(self, found: FolderCatalog, **in_use: set[int]) -> set[str]:
        named = {kind: in_use.get(kind.value, set()) for kind in Kind}
        return {
            key
            for things in prunable(found, self.EXISTING, frozenset(Kind), named).removed.values()
            for key in things
        }

    def test_unused_things_go_with_everything_that_only_they_refer_to(self) -> None:
        """An empty folder of every kind removes everything."""
        assert self.pruned(folder_of()) == {"c1", "c2", "m1", "m2", "p1", "k1"}

    def test_things_of_usage_stay_with_everything_that_they_refer_to(self) -> None:
        """A contract on a line keeps its customer, its plan and the plan's meter."""
        assert self.pruned(folder_of(), contract={1}) == {"c2", "m2"}
        assert self.pruned(folder_of(), customer={2}, meter={2}) == {"c1", "m1", "p1", "k1"}

    def test_everything_that_stays_has_its_reason(self) -> None:
        """The contract is named by usage, its customer and its plan by the contract, the meter by the plan."""
        in_use = {kind: {1} if kind is Kind.CONTRACT else set() for kind in Kind}
        reasons = prunable(folder_of(), self.EXISTING, frozenset(Kind), in_use).reasons
        assert {key: why for of_kind in reasons.values() for key, why in of_kind.items()} == {
            "k1": "events or usage lines name it",
            "c1": "contract 'k1' names it",
            "p1": "contract 'k1' names it",
            "m1": "plan 'p1' names it",
        }

    def test_things_of_the_folder_and_their_references_stay(self) -> None:
        """A contract of the folder names a customer and a plan that the folder lacks."""
        assert self.pruned(folder_of(document(Kind.CONTRACT, CONTRACT))) == {"c2", "m2"}

    def test_a_kind_without_a_file_is_left_alone(self) -> None:
        """A folder of meters says nothing about customers."""
        only_meters = frozenset({Kind.METER})
        assert lacking(folder_of(), self.EXISTING, only_meters)[Kind.CUSTOMER] == {}
        assert prunable(folder_of(), self.EXISTING, only_meters, {}).removed[Kind.METER].keys() == {"m2"}
