"""The command line by itself: help, examples, the version."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer

from flows.commands.app import app
from flows.commands.examples import EXAMPLES
from tests.conftest import clean_environment

GROUP: Any = typer.main.get_command(app)
CONTEXT = typer.Context(GROUP, info_name="usage-import")


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its name, a subcommand with the names of both."""
    for name, command in GROUP.commands.items():
        yield name, command
        yield from ((f"{name} {inner}", sub) for inner, sub in getattr(command, "commands", {}).items())


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_examples(name: str) -> None:
    """Each help ends with command lines of its command, and has a sentence about each option."""
    shown = COMMANDS[name].get_help(CONTEXT)
    assert all(f"  usage-import {example}" in shown for example in EXAMPLES[name])
    assert all(example.startswith(name.split(maxsplit=1)[0]) for example in EXAMPLES[name])
    assert [option.name for option in COMMANDS[name].params if not getattr(option, "help", None)] == []


@pytest.mark.parametrize("example", [one for lines in EXAMPLES.values() for one in lines])
def test_an_example_is_understood(example: str) -> None:
    """The options of every example exist, and take the values that it gives."""
    words = shlex.split(example.partition(" > ")[0])
    name = words[0] if " ".join(words[:2]) not in COMMANDS else " ".join(words[:2])
    context = COMMANDS[name].make_context(name, words[len(name.split()) :])
    assert context.params


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--version"], 0, f"usage-import {version('usage-import')}"),
        (["up", "--port", "99999"], 2, "65535"),
        (["up", "--port", "0"], 2, "greater than or equal to 1"),
    ],
)
def test_an_answer_that_needs_no_database(words: list[str], code: int, said: str) -> None:
    """The version is one line; a port that cannot be is wrong usage, not a port that is taken."""
    ended = subprocess.run(
        [sys.executable, "-m", "flows", *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code
    assert said in (ended.stdout if code == 0 else ended.stderr)
