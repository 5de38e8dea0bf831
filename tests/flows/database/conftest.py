"""Fixtures of the tests that need a database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.flows.database.catalogs import Catalogs


@pytest.fixture
def catalogs(database_url: str, tmp_path: Path) -> Iterator[Catalogs]:
    engine = create_engine(database_url, poolclass=NullPool)
    folder = tmp_path / "catalog"
    folder.mkdir()
    yield Catalogs(engine, folder)
    engine.dispose()
