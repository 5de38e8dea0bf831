"""The README shows what really comes out: every console block is run, section by section, each in a fresh copy.

`UPDATE_README=1 pytest tests/test_readme.py` (`make readme`) writes the outputs anew instead of comparing them.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environment

README = ROOT / "README.md"
TRACE = ROOT.parent / "shared"
IS_UPDATE = os.environ.get("UPDATE_README") == "1"
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
VARYING = (
    (re.compile(r"\b\d+(\.\d+)? s\b"), "1.0 s"),
    (re.compile(r"\b[\d,]+ rows/s\b"), "1 rows/s"),
    (
        re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ(?=  +\d)"),
        "2026-11-02T06:00:00Z",
    ),  # when an import began
)
"""Values that differ from run to run, and the text that replaces them in a comparison."""


@dataclass(frozen=True)
class Shown:
    """A command of the README and the output shown below it."""

    command: str
    output: str


def _sections() -> dict[str, str]:
    """Return the text below each second-level heading that shows commands."""
    parts = re.split(r"^## (.+)$", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text for name, text in zip(parts[1::2], parts[2::2], strict=True) if CONSOLE.search(text)}


def _read(block: str) -> Iterator[Shown]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        matched = re.match(r"((?:.*\\\n)*.*)\n((?:.|\n)*)", part)
        assert matched, part
        yield Shown(matched[1], matched[2])


def _alike(output: str) -> str:
    for pattern, stand_in in VARYING:
        output = pattern.sub(stand_in, output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A fresh copy of what the README's commands read, with the program on the path."""
    folder = tmp_path / "usage-import"
    shutil.copytree(ROOT / "data-samples", folder / "data-samples", ignore=shutil.ignore_patterns(".*"))
    (tmp_path / "shared").symlink_to(TRACE)
    program = tmp_path / "bin" / "usage-import"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom flows.commands.app import main\n\nmain()\n")
    program.chmod(0o755)
    return folder


class Terminal:
    """A terminal for the commands of a section: it remembers `cd` and runs everything else."""

    def __init__(self, folder: Path) -> None:
        self._root = self._folder = folder
        self._environment = clean_environment() | {"LC_ALL": "C.UTF-8"}
        self._environment["PATH"] = f"{folder.parent / 'bin'}:{self._environment['PATH']}"

    def type(self, command: str) -> str:
        """Return the standard output and standard error of a command."""
        if command.startswith("cd "):
            self._folder = self._root / command.removeprefix("cd ")
            return ""
        ended = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert "Traceback" not in ended.stdout, ended.stdout
        return "\n".join(line.rstrip() for line in ended.stdout.strip("\n").splitlines())


@pytest.mark.parametrize("name", _sections())
def test_a_section_shows_what_comes_out(name: str, copy: Path) -> None:
    """Each command of the section, run in its order, says what the README says it does."""
    text = renewed = _sections()[name]
    if "../shared/" in text and not TRACE.exists():
        pytest.skip("the trace is not part of this project and not here")
    terminal = Terminal(copy)
    for block in CONSOLE.findall(text):
        steps = [(step, terminal.type(step.command)) for step in _read(block)]
        if not IS_UPDATE:
            assert [(step.command, _alike(found)) for step, found in steps] == [
                (step.command, _alike(step.output)) for step, _ in steps
            ]
        block_anew = "".join(
            f"$ {step.command}\n{found}\n" if found else f"$ {step.command}\n" for step, found in steps
        )
        renewed = renewed.replace(block, block_anew)
    if IS_UPDATE:
        README.write_text(README.read_text(encoding="utf-8").replace(text, renewed), encoding="utf-8")


def test_what_is_to_be_made_can_be_made() -> None:
    """A block that is not run holds nothing but make targets that exist."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    lines = [
        line for block in SHELL.findall(README.read_text(encoding="utf-8")) for line in block.splitlines()
    ]
    commands = [line.split("#")[0].split() for line in lines]
    assert commands
    assert [words for words in commands if words[0] != "make" or words[1] not in targets] == []
