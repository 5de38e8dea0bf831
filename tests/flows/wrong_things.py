"""Helpers for tests of bad input: a folder of wrong files, commands that may fail, and the check for one line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import clean_environment
from tests.flows.desk import CALLS, Desk, catalog_of, event
from tests.flows.warm_commands import Answer

PATIENCE_SECONDS = 120


def one_line(answer: Answer, code: int, *words: str, is_catalog: bool = False) -> None:
    """Assert an exit code and one line on standard error with these words; a catalog's problems may stand before it."""
    assert "Traceback" not in answer.err, answer.err
    lines = [line for line in answer.err.splitlines() if line.startswith("usage-import: ")]
    others = [line for line in answer.err.splitlines() if line not in lines]
    assert answer.exit_code == code, (answer.exit_code, answer.err)
    assert len(lines) == 1, answer.err
    assert is_catalog or not others or others == [NO_PREFECT], answer.err
    for word in words:
        assert word in lines[0], lines[0]
    assert len(lines[0]) < 2000


NO_PREFECT = "no Prefect API is configured, so the stages run directly; 'usage-import up' brings one up"


BROKEN_CATALOGS = {
    "catalog-no-json": ("meters.json", b'[{"id": '),
    "catalog-no-text": ("customers.json", b"\xff\xfe\x00"),
    "catalog-no-list": ("plans.json", b'"plan"'),
    "catalog-odd": ("meters.json", b'[{"id": "meter-calls", "code": "calls", "aggregationType": "MEDIAN"}]'),
    "catalog-dangling": (
        "contracts.json",
        b'[{"id":"c","customerId":"nobody","planId":"plan","startDate":"2026-01-01"}]',
    ),
    "catalog-inverted": (
        "contracts.json",
        b'[{"id":"c","customerId":"cus-acme","planId":"plan","startDate":"2026-01-01","endDate":"2025-01-01"}]',
    ),
    "catalog-twice": ("customers.json", b'[{"id":"cus-acme","name":"A"},{"id":"cus-acme","name":"B"}]'),
}

BROKEN_MAPPINGS = {
    "mapping-no-toml": b"[fields\n",
    "mapping-no-text": b"\xff\xfe",
    "mapping-odd-key": b'[fields]\neventNames = { value = "x" }\n',
    "mapping-odd-value": b'on_conflict = "shrug"\n',
    "mapping-odd-zone": b'time_zone = "Mars/Olympus"\n',
    "mapping-no-column": b'[fields]\neventName = { column = "missing" }\n',
}


def write_places(folder: Path) -> None:
    """Fill a folder with everything that is wrong, and some that is right."""
    good = folder / "catalog"
    good.mkdir()
    for kind, things in catalog_of(CALLS).items():
        (good / f"{kind}.json").write_text(json.dumps(things))
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "notes.txt").write_text("no export\n")
    (folder / "rows.jsonl").write_text(json.dumps(event()) + "\n")
    (folder / "rows.xlsx").write_bytes(b"PK\x03\x04 no")
    (folder / "rows.parquet").write_bytes(b"PAR1 and no more")
    (folder / "noise.csv").write_bytes(bytes(range(256)) * 20)
    (folder / "noise.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd and no more")
    for name, content in BROKEN_CATALOGS.items():
        broken = folder / name
        shutil.copytree(good, broken)
        (broken / content[0]).write_bytes(content[1])
    for name, text in BROKEN_MAPPINGS.items():
        (folder / f"{name}.toml").write_bytes(text)


def ask(desk: Desk, *arguments: str, **environment: str) -> Answer:
    """Run a command that may fail, and return its answer."""
    ours = {"USAGE_IMPORT_DATABASE_URL": desk.database_url, "PREFECT_API_URL": "", "COLUMNS": "200"}
    return desk.commands.run(*arguments, environment=ours | environment)


ALL_COMMANDS: dict[str, list[str]] = {
    "catalog": ["catalog", "{places}/catalog"],
    "settings": ["settings"],
    "check": ["check", "{places}/rows.jsonl"],
    "run": ["run", "{places}/rows.jsonl"],
    "rollup": ["rollup"],
    "usage": ["usage"],
    "events": ["events"],
    "unassigned": ["unassigned"],
    "imports": ["imports"],
    "imports show": ["imports", "show", "1"],
    "rejects": ["rejects", "1"],
    "revert": ["revert", "1"],
}


def colder(desk: Desk, *arguments: str, **environment: str) -> dict[str, Any]:
    """Return the arguments by which `subprocess.run` starts a command as a process of its own."""
    inherited = clean_environment() | {"PREFECT_API_URL": ""}
    return {
        "args": [sys.executable, "-m", "flows", *arguments],
        "env": inherited | {"USAGE_IMPORT_DATABASE_URL": desk.database_url} | environment,
        "cwd": desk.folder,
        "text": True,
        "timeout": PATIENCE_SECONDS,
    }


def answered(ended: subprocess.CompletedProcess[str]) -> Answer:
    return Answer(ended.returncode, ended.stdout or "", ended.stderr or "")
