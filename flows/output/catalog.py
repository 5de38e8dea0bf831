"""Print what a catalog changed, and the settings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flows.catalog.result import CatalogResult
from flows.output.instants import to_json
from flows.output.table import print_json, print_table, say
from schemas.settings import Setting
from transforms.catalog.changes import FieldChange

FIRST_LINES: Final = 20

FIRST_FIELDS: Final = 10

VALUE_SHOWN: Final = 200
"""So much is told of what a catalog changed: lines, fields of a line, and characters of a value."""


def report_settings(kept: Mapping[Setting, str], *, as_json: bool) -> None:
    """Settings and their values."""
    if as_json:
        print_json({setting.value: value for setting, value in kept.items()})
    else:
        print_table(
            {"name": "setting", "value": "value"}, [{"name": s.value, "value": v} for s, v in kept.items()]
        )


def report_catalog(result: CatalogResult, *, as_json: bool) -> None:
    """What a catalog changed."""
    if as_json:
        print_json(result.as_json())
        return
    rows = [
        {
            "kind": f"{kind}s",
            "added": len(told.added),
            "changed": len(told.changed),
            "unchanged": told.unchanged,
            "lacking": len(told.lacking),
            "pruned": len(told.pruned),
        }
        for kind, told in result.kinds.items()
    ]
    columns = {name: name for name in ("kind", "added", "changed", "unchanged", "lacking", "pruned")}
    print_table(columns, rows, right=tuple(columns)[1:])
    for told in result.kinds.values():
        _say_first([f"changed {one.id}: {_told_changes(one.fields)}" for one in told.changed])
        _say_first([f"not in the folder, and kept: {lacking}" for lacking in told.lacking])
    for warning in result.warnings:
        say(f"warning: {warning}")
    say(f"catalog {result.version} {'loaded' if result.is_new else 'unchanged'}")
    if result.is_ahead:
        say_lines_follow()


def say_lines_follow() -> None:
    """That a catalog has been loaded which the lines do not know yet."""
    say("the lines follow with the next import; 'usage-import rollup' recomputes them now")


def _say_first(lines: Sequence[str]) -> None:
    """The first lines of many, and how many more there are."""
    for line in lines[:FIRST_LINES]:
        say(line)
    if len(lines) > FIRST_LINES:
        say(f"… and {len(lines) - FIRST_LINES:,} more")


def _told_changes(fields: Sequence[FieldChange]) -> str:
    told = ", ".join(map(_told_change, fields[:FIRST_FIELDS]))
    return told if len(fields) <= FIRST_FIELDS else f"{told} and {len(fields) - FIRST_FIELDS:,} more"


def _told_change(change: FieldChange) -> str:
    """A field with what it was and is; of an object, that it came or went."""
    if isinstance(change.after, dict) and change.before is None:
        return f"{change.field} added"
    if isinstance(change.before, dict) and change.after is None:
        return f"{change.field} removed"
    return f"{change.field} {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: Any) -> str:
    told = to_json(value)
    return told if len(told) <= VALUE_SHOWN else told[:VALUE_SHOWN] + "…"
