"""Print the changes of a catalog, and the settings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flows.catalog.result import CatalogResult
from flows.output.instants import to_json
from flows.output.table import print_json, print_table, say
from schemas.settings import Setting
from transforms.catalog.changes import FieldChange
from transforms.values.text import cut

FIRST_LINES: Final = 20
"""Lines printed of a list of changes."""

FIRST_FIELDS: Final = 10
"""Fields printed of a thing that has changed."""

VALUE_SHOWN: Final = 200
"""Characters printed of a value."""


def report_settings(values: Mapping[Setting, str], *, as_json: bool) -> None:
    """Print settings and their values."""
    if as_json:
        print_json({setting.value: value for setting, value in values.items()})
    else:
        print_table(
            {"name": "setting", "value": "value"}, [{"name": s.value, "value": v} for s, v in values.items()]
        )


def report_catalog(result: CatalogResult, *, as_json: bool) -> None:
    """Print the changes of a catalog: counts by kind, and the first things that changed or are not in the folder."""
    if as_json:
        print_json(result.as_json())
        return
    rows = [
        {
            "kind": f"{kind}s",
            "added": len(made.added),
            "changed": len(made.changed),
            "unchanged": made.unchanged,
            "lacking": len(made.lacking),
            "pruned": len(made.pruned),
        }
        for kind, made in result.kinds.items()
    ]
    columns = {name: name for name in ("kind", "added", "changed", "unchanged", "lacking", "pruned")}
    print_table(columns, rows, right=tuple(columns)[1:])
    for made in result.kinds.values():
        _say_first([f"changed {thing.id}: {_fields(thing.fields)}" for thing in made.changed])
        _say_first([f"not in the folder, and kept: {lacking}" for lacking in made.lacking])
    for warning in result.warnings:
        say(f"warning: {warning}")
    say(f"catalog {result.version} {'loaded' if result.is_new else 'unchanged'}")
    if result.is_ahead:
        say_lines_follow()


def say_lines_follow() -> None:
    """Print that the usage lines do not know the loaded catalog yet."""
    say("the lines follow with the next import; 'usage-import rollup' recomputes them now")


def _say_first(lines: Sequence[str]) -> None:
    """Print the first lines of many, and how many more there are."""
    for line in lines[:FIRST_LINES]:
        say(line)
    if len(lines) > FIRST_LINES:
        say(f"… and {len(lines) - FIRST_LINES:,} more")


def _fields(changes: Sequence[FieldChange]) -> str:
    first = ", ".join(map(_field, changes[:FIRST_FIELDS]))
    return first if len(changes) <= FIRST_FIELDS else f"{first} and {len(changes) - FIRST_FIELDS:,} more"


def _field(change: FieldChange) -> str:
    """Return a field with its values before and after; an object only as added or removed."""
    if isinstance(change.after, dict) and change.before is None:
        return f"{change.field} added"
    if isinstance(change.before, dict) and change.after is None:
        return f"{change.field} removed"
    return f"{change.field} {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: Any) -> str:
    return cut(to_json(value), VALUE_SHOWN)
