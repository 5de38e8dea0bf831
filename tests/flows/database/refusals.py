"""Ask every command that opens the database, which is to be refused in the same line by each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.flows.desk import CALLS, Desk, catalog_of


def refusal(desk: Desk, *, exit_code: int = 2, **more: Any) -> str:
    """Return the one line with which every command that opens the database is refused."""
    catalog = desk.write_catalog(catalog_of(CALLS))
    source = desk.write("rows.jsonl", {"eventName": "call", "externalCustomerId": "acme"})
    commands: list[tuple[str | Path, ...]] = [
        (name,) for name in ("usage", "events", "unassigned", "imports")
    ]
    commands += [("imports", "show", "1"), ("rejects", "1"), ("revert", "1"), ("settings",), ("rollup",)]
    commands += [("check", source), ("run", source), ("catalog", catalog)]
    lines = {desk(*command, exit_code=exit_code, **more).err for command in commands}
    assert len(lines) == 1, lines
    [line] = lines
    assert line.count("\n") == 1
    return line
