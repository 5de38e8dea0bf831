"""The result of applying a catalog: the things added, changed, lacking and pruned."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from schemas.ledger import LineChanges
from schemas.vocabulary import ImportStatus, Kind
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
    kept_because: Mapping[str, str] = field(default_factory=dict)
    """Why a thing that the folder lacks was not pruned, by id, if pruning was asked for."""
    is_in_folder: bool = True
    loaded: int = 0
    """Things of the kind that were loaded before."""


@dataclass(frozen=True)
class CatalogResult:
    """The catalog's version after a folder was applied (0 if there is none), and the changes that the folder made."""

    version: int
    is_new: bool
    kinds: Mapping[Kind, KindChanges]
    warnings: tuple[CatalogProblem, ...]
    import_id: int | None = None
    """The publish that it is, or is part of; None if it is unchanged, or if its import failed."""
    lines: LineChanges = field(default_factory=LineChanges)

    @property
    def status(self) -> ImportStatus:
        """Return whether the catalog was published, is unchanged, or failed with its import."""
        if not self.is_new:
            return ImportStatus.UNCHANGED
        return ImportStatus.FAILED if self.import_id is None else ImportStatus.PUBLISHED

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values; numbers within changed fields are Decimals."""
        return {
            "import_id": self.import_id,
            "status": self.status,
            "catalog_version": self.version,
            "lines_changed": self.lines.total,
            "lines": asdict(self.lines),
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
        "kept_because": dict(made.kept_because),
        "pruned": list(made.pruned),
    }


def _plain(value: Any) -> Any:
    """Return a JSON value that any writer of JSON takes: decimals become texts."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value
