"""Find a test by the name that a table gives it: `tests/FOLDER::test_name`, with a story in brackets where it has one.

A table names the folder of a test and not its module, so that a test may move within its folder.
"""

from __future__ import annotations

import ast
import difflib
from functools import cache
from pathlib import Path

from tests.conftest import ROOT


@cache
def named_in(folder: Path) -> frozenset[str]:
    """Return the names of the tests in the modules of a folder, those of classes included."""
    return frozenset(
        node.name
        for path in folder.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def missing_test(named: str) -> str | None:
    """Return why a named test cannot be found, with the names closest to it, or None if it exists."""
    name, _, story = named.removesuffix("]").partition("[")
    folder, _, function = name.partition("::")
    if story and not (ROOT / "data-samples" / story / "story.toml").is_file():
        return f"there is no story {story}"
    existing = named_in(ROOT / folder)
    if function in existing:
        return None
    return f"{folder} has no {function}; it has {difflib.get_close_matches(function, existing) or 'none like it'}"
