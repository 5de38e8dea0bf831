"""Fixtures of the tests that need a database or a server of object storage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from tests.conftest import _new_database
from tests.flows.database.catalogs import Catalogs
from tests.flows.desk import CALLS, Desk, catalog_of, event
from tests.flows.embedded_postgres import home_in
from tests.flows.object_storage import s3_bucket, s3_server
from tests.flows.warm_commands import WarmCommands
from tests.flows.wrong_things import write_places


@pytest.fixture
def catalogs(database_url: str, tmp_path: Path) -> Iterator[Catalogs]:
    engine = create_engine(database_url, poolclass=NullPool)
    folder = tmp_path / "catalog"
    folder.mkdir()
    yield Catalogs(engine, folder)
    engine.dispose()


@pytest.fixture
def empty_desk(tmp_path: Path, postgres_url: str, warm_command_line: WarmCommands) -> Iterator[Desk]:
    """A desk with a database in which there is nothing, no schema either."""
    (tmp_path / "empty").mkdir()
    with _new_database(postgres_url) as url:
        yield Desk(tmp_path / "empty", url, warm_command_line)


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


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that is wrong, and some that is right."""
    folder = tmp_path_factory.mktemp("places")
    write_places(folder)
    return folder


@pytest.fixture(scope="module")
def installation(
    postgres_url: str,
    template_url: str,
    warm_command_line: WarmCommands,
    tmp_path_factory: pytest.TempPathFactory,
    places: Path,
) -> Iterator[Desk]:
    """An installation with a catalog and an import, for commands that leave it as it is."""
    with _new_database(postgres_url, template=make_url(template_url).database) as url:
        desk = Desk(tmp_path_factory.mktemp("installation"), url, warm_command_line)
        desk.catalog(catalog_of(CALLS))
        rows = [event(), event(), event(externalCustomerId="nobody")]
        desk.run(desk.write("first.jsonl", *rows), "--max-rejected", "90%")
        yield desk
