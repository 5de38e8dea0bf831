"""Fixtures of the tests that need a database or a server of object storage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.flows.database.catalogs import Catalogs
from tests.flows.embedded_postgres import home_in
from tests.flows.object_storage import s3_bucket, s3_server


@pytest.fixture
def catalogs(database_url: str, tmp_path: Path) -> Iterator[Catalogs]:
    engine = create_engine(database_url, poolclass=NullPool)
    folder = tmp_path / "catalog"
    folder.mkdir()
    yield Catalogs(engine, folder)
    engine.dispose()


@pytest.fixture(scope="module")
def storage() -> Iterator[int]:
    """The port of a server that speaks S3."""
    with s3_server() as port:
        yield port


@pytest.fixture
def s3(storage: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the server with an empty bucket; the environment points to the server."""
    with s3_bucket(storage, monkeypatch) as client:
        yield client


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home of an embedded Postgres, which must be without processes when its test has ended well."""
    with home_in(tmp_path) as folder:
        yield folder
