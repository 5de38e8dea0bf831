"""The result of applying a catalog: the things added, changed, lacking and pruned."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from schemas.vocabulary import Kind
from transforms.catalog.changes import FieldChange
from transforms.catalog.understand import CatalogProblem


@dataclass(frozen=True)
class ChangedThing:
    """An existing thing that the folder changes, and the fields that differ."""

    id: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class KindChanges:
    """The changes of a catalog to things of one kind, by id; ``lacking`` are those that the folder lacks, and stay."""

    added: tuple[str, ...] = ()
    changed: tuple[ChangedThing, ...] = ()
    unchanged: int = 0
    lacking: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()


@dataclass(frozen=True)
class CatalogResult:
    """The catalog's version after a folder was applied (0 if there is none), and the changes that the folder made."""

    version: int
    is_new: bool
    kinds: Mapping[Kind, KindChanges]
    warnings: tuple[CatalogProblem, ...]

    @property
    def is_ahead(self) -> bool:
        """Return whether there may be lines that were made from an earlier version."""
        return self.is_new and self.version > 1

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values; numbers within changed fields are Decimals."""
        return {
            "catalog_version": self.version,
            "status": "loaded" if self.is_new else "unchanged",
            **{f"{kind}s": changes_as_json(made) for kind, made in self.kinds.items()},
            "warnings": [str(warning) for warning in self.warnings],
        }


def changes_as_json(made: KindChanges) -> dict[str, Any]:
    """Return the changes of one kind as JSON values."""
    return {
        "added": list(made.added),
        "changed": [
            {
                "id": changed.id,
                "fields": [
                    {"field": f.field, "before": _plain(f.before), "after": _plain(f.after)}
                    for f in changed.fields
                ],
            }
            for changed in made.changed
        ],
        "unchanged": made.unchanged,
        "lacking": list(made.lacking),
        "pruned": list(made.pruned),
    }


def _plain(value: Any) -> Any:
    """Return a JSON value that any writer of JSON takes: decimals become texts."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value
