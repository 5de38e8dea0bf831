"""Print the changes of a catalog, and the settings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flows.catalog.result import CatalogResult, KindChanges
from flows.output.instants import to_json
from flows.output.table import print_json, print_table, say
from flows.output.wording import lines_changed, named_catalog_line, publish_document
from schemas.ledger import Ledger
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


def report_setting_change(setting: Setting, value: str, ledger: Ledger, *, as_json: bool) -> None:
    """Print what the change of a setting did to the usage lines."""
    if as_json:
        print_json({setting.value: value} | publish_document(ledger))
    elif ledger.import_id is None:
        say(f"{setting} is {value} already: unchanged")
    else:
        say(f"{setting} {value} published as import {ledger.import_id}: {lines_changed(ledger.lines)}")


def report_catalog(result: CatalogResult, *, as_json: bool) -> None:
    """Print the changes of a catalog, and what its publish changed."""
    if as_json:
        print_json(result.as_json())
        return
    _print_counts(result)
    _say_changes(result)
    if result.import_id is None:
        say(f"catalog {result.version} unchanged")
    else:
        say(f"catalog {result.version} published as import {result.import_id}: {lines_changed(result.lines)}")


def report_named_catalog(result: CatalogResult) -> None:
    """Print the changes of a catalog that was named with an import, and whether they count."""
    _say_changes(result)
    say(named_catalog_line(result))


def _print_counts(result: CatalogResult) -> None:
    """Print the numbers of things that a catalog changed, by kind."""
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


def _say_changes(result: CatalogResult) -> None:
    """Print the first things that a catalog changed or lacks, and its warnings, a line each."""
    for kind, made in result.kinds.items():
        _say_first([f"changed {thing.id}: {_fields(thing.fields)}" for thing in made.changed])
        _say_first([_kept(id_, made) for id_ in made.lacking])
        if not made.is_in_folder and made.loaded:
            say(f"{kind}s.*: not in the folder; the {made.loaded:,} loaded are kept")
    for warning in result.warnings:
        say(f"warning: {warning}")


def _kept(id_: str, made: KindChanges) -> str:
    """Return one line about a thing that the folder lacks, with the reason why it was not pruned."""
    why = made.kept_because.get(id_)
    return f"not in the folder, and kept: {id_}" + (f", as {why}" if why else "")


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
