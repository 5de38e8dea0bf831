"""External ids move from customer to customer, and things that nothing refers to can be removed."""

import pytest
from sqlalchemy import Connection, text

from flows.catalog.apply import CatalogError
from schemas.vocabulary import Kind
from tests.flows.database.catalogs import CONTRACTS, EVERYTHING, Catalogs


def test_two_customers_can_exchange_their_external_ids(catalogs: Catalogs) -> None:
    """In one catalog; and a third can take over the one of a customer who gives it up."""
    catalogs.apply(customers=[{"id": "a", "externalCustomerId": "x"}, {"id": "b", "externalCustomerId": "y"}])
    catalogs.apply(customers=[{"id": "a", "externalCustomerId": "y"}, {"id": "b", "externalCustomerId": "x"}])
    assert catalogs.frames().customers.rows() == [(1, "a", "y"), (2, "b", "x")]
    catalogs.apply(customers=[{"id": "c", "externalCustomerId": "y"}, {"id": "a"}])
    assert catalogs.frames().customers.select("id", "external_customer_id").rows() == [
        ("a", None),
        ("b", "x"),
        ("c", "y"),
    ]


def test_an_external_id_of_a_customer_who_stays_is_a_problem(catalogs: Catalogs) -> None:
    """Unless the customer is pruned."""
    catalogs.apply(customers=[{"id": "a", "externalCustomerId": "x"}])
    with pytest.raises(CatalogError) as refused:
        catalogs.apply(customers=[{"id": "b", "externalCustomerId": "x"}])
    assert [str(p) for p in refused.value.problems] == [
        "customers.json[0].externalCustomerId: 'x' belongs to customer 'a'"
    ]
    result = catalogs.apply(prune=True)
    assert result.kinds[Kind.CUSTOMER].pruned == ("a",)
    assert catalogs.frames().customers["id"].to_list() == ["b"]


class TestPruning:
    """`--prune` removes what the folder lacks and nothing names any more."""

    def test_unused_things_are_removed_and_listed(self, catalogs: Catalogs) -> None:
        """With the things that only they refer to; references of the folder stay."""
        catalogs.apply(EVERYTHING)
        result = catalogs.apply(contracts=CONTRACTS[:1], customers=[], meters=[], plans=[], prune=True)
        pruned = {kind: done.pruned for kind, done in result.kinds.items()}
        assert pruned == {Kind.CUSTOMER: ("c2",), Kind.METER: ("m2",), Kind.PLAN: (), Kind.CONTRACT: ("k2",)}
        assert result.kinds[Kind.CUSTOMER].lacking == ("c1",)
        assert catalogs.frames().contracts["id"].to_list() == ["k1"]
        assert catalogs.rows("select kind, id from catalog_changes where after is null order by 1, 2") == [
            ("contract", "k2"),
            ("customer", "c2"),
            ("meter", "m2"),
        ]

    def test_things_of_events_and_lines_stay(self, catalogs: Catalogs) -> None:
        """Published events, those of an import that waits, and lines of any time."""
        catalogs.apply(EVERYTHING)
        with catalogs.engine.begin() as connection:
            _name_in_usage(connection)
        result = catalogs.apply(customers=[], meters=[], plans=[], contracts=[], prune=True)
        assert {kind: done.pruned for kind, done in result.kinds.items()} == {
            Kind.CUSTOMER: (),
            Kind.METER: ("m2",),
            Kind.PLAN: (),
            Kind.CONTRACT: ("k1",),
        }

    def test_without_it_nothing_is_removed(self, catalogs: Catalogs) -> None:
        """Lacking things are listed, and an empty folder changes nothing."""
        catalogs.apply(EVERYTHING)
        result = catalogs.apply(customers=[], meters=[], plans=[], contracts=[])
        assert not result.is_new
        assert result.kinds[Kind.CONTRACT].lacking == ("k1", "k2")


def _name_in_usage(connection: Connection) -> None:
    """An event of c1 that waits, and a usage line of k2."""
    connection.execute(text("create table arrivals_7 (like events)"))
    columns = "key, at, row, file_id, customer_no, is_keyless, is_timestamp_omitted, is_deleted, event_name, properties"
    values = "gen_random_uuid(), now(), 1, 1, 1, false, false, false, 'x', '{}'"
    connection.execute(text(f"insert into arrivals_7 ({columns}) values ({values})"))
    connection.execute(
        text(
            "insert into imports (import_id, kind, status, clock, sources, software) values (100, 'import', 'published', now(), '[]', 'x')"
        )
    )
    connection.execute(
        text(
            """
            insert into usage_lines (line_id, revision, contract_no, pricing_no, meter_no, customer_no, period_start_on,
                period_end_on, period_start, period_end, group_key, event_count, unusable_count, is_withdrawn, import_id, publish_no)
            values (gen_random_uuid(), 1, 2, 1, 1, 2, '2026-01-01', '2026-02-01', now(), now(), '{}', 1, 0, false, 1, 1)
            """
        )
    )
