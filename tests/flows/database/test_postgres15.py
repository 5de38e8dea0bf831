"""The oldest Postgres that is served: the same stories come out of it, where the machine has one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.flows.postgres15 import postgres15_url

STORIES = ("03-corrections", "09-exact-numbers")


@pytest.fixture(scope="module")
def old_server() -> Iterator[str]:
    with postgres15_url() as url:
        if url is None:
            pytest.skip("this machine has no Postgres 15")
        yield url


@pytest.mark.parametrize("story", STORIES)
def test_a_story_comes_out_of_postgres_15_as_of_the_newest(
    story: str, old_server: str, tmp_path: Path
) -> None:
    """What the stories promise holds on Postgres 15 too."""
    told = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_stories.py",
        "-k",
        story,
    ]
    ended = subprocess.run(
        told,
        cwd=ROOT,
        env=os.environ | {"TEST_DATABASE_URL": old_server},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert "1 passed" in ended.stdout
