"""The examples that the help of each command shows."""

from collections.abc import Mapping
from typing import Final

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "catalog": ("catalog exports/catalog", "catalog exports/catalog --prune --reason 'plans of 2027'"),
    "check": ("check exports/2026-11-01.jsonl --mapping llm.toml",),
    "run": (
        "run exports",
        "run 's3://exports/2026/*.jsonl.gz' --mapping llm.toml --max-rejected 1%",
        "run october.jsonl --catalog catalog --json",
    ),
    "rollup": ("rollup --reason 'plans of 2027'",),
    "usage": (
        "usage --period 2026-10 --customer acme",
        "usage --period 2026-10 --format csv > october.csv",
        "usage --period 2026-10 --format csv --spreadsheet > for-finance.csv",
    ),
    "events": ("events --customer acme --name api_request --limit 20",),
    "unassigned": ("unassigned --reason outside_contract",),
    "rejects": ("rejects 7", "rejects 7 --format csv --output rejected.csv"),
    "revert": ("revert 7",),
    "settings": ("settings", "settings billing_time_zone Europe/Berlin"),
    "up": ("up", "up --port 4300"),
    "imports": ("imports", "imports show 7 --files"),
    "imports show": ("imports show 7", "imports show 7 --files"),
}
"""For each command, command lines without the name of the program."""


def epilog(command: str) -> str:
    """Return the examples of a command as the end of its help; click keeps the lines behind a backspace as they are."""
    return "\n".join(["\b", "Examples:", *(f"  usage-import {example}" for example in EXAMPLES[command])])
