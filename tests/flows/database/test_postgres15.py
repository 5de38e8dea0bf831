"""Stories have the same results on the oldest supported Postgres, if the machine has one."""

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
def test_a_story_has_its_results_on_postgres_15(story: str, old_server: str, tmp_path: Path) -> None:
    """A story has its expected results on Postgres 15."""
    command = [
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
        command,
        cwd=ROOT,
        env=os.environ | {"TEST_DATABASE_URL": old_server},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert "1 passed" in ended.stdout
