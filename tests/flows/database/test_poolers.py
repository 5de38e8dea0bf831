"""A pooler in transaction mode is recognised, one in session mode is used."""

from __future__ import annotations

import dataclasses

import pytest

from tests.flows.database.refusals import refusal
from tests.flows.desk import CALLS, Desk, catalog_of, event
from tests.flows.pgbouncer import pooled_url, program

pytestmark = pytest.mark.skipif(program() is None, reason="the machine has no pgbouncer")


@pytest.mark.parametrize("size", [1, 5])
def test_a_pooler_in_transaction_mode_is_refused(desk: Desk, size: int) -> None:
    """Each command says that it needs a session of its own, before it does anything."""
    with pooled_url(desk.database_url, desk.folder, mode="transaction", size=size) as url:
        assert "connect directly" in refusal(dataclasses.replace(desk, database_url=url))
    assert desk.select("select count(*) from imports") == [(0,)]


def test_a_pooler_in_session_mode_is_used(desk: Desk) -> None:
    """An import of several files through it ends as one without it."""
    with pooled_url(desk.database_url, desk.folder, mode="session", size=10) as url:
        pooled = dataclasses.replace(desk, database_url=url)
        pooled.catalog(catalog_of(CALLS))
        files = [pooled.write(f"{i}.jsonl", event(idempotencyKey=f"k{i}")) for i in range(5)]
        assert pooled.run(*files)["new"] == 5
        assert pooled.quantity("calls") == "5"
