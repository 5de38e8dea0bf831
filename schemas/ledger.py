"""The ledger of an import: the outcomes of its rows, per file and in all."""

from dataclasses import dataclass, field

from schemas.vocabulary import ImportStatus


@dataclass
class RowCounts:
    """The number of rows with each outcome: ``rows = new + duplicate + corrected + stale + rejected``."""

    rows: int = 0
    new: int = 0
    duplicate: int = 0
    corrected: int = 0
    stale: int = 0
    rejected: int = 0
    duplicates_without_key: int = 0
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    defaulted_timestamps: int = 0
    doubled_local_times: int = 0
    before_2000: int = 0
    unknown_fields: dict[str, int] = field(default_factory=dict)

    @property
    def is_balanced(self) -> bool:
        """Return whether every row has exactly one outcome."""
        outcomes = self.new + self.duplicate + self.corrected + self.stale + self.rejected
        return self.rows == outcomes and self.rejected == sum(self.rejected_by_reason.values())


@dataclass
class FileLedger(RowCounts):
    """The outcomes of the rows of one file."""

    uri: str = ""
    sha256: str = ""
    file_id: int | None = None
    size: int = 0
    is_unchanged: bool = False
    replaces_import_id: int | None = None
    """The import that read other bytes under the same name, if there is one."""
    set_aside: str | None = None
    """Why the file is left out of the import whole, if it is."""
    first_event_at: str | None = None
    last_event_at: str | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LineChanges:
    """The usage lines that a publish revised."""

    new: int = 0
    changed: int = 0
    withdrawn: int = 0
    due: int = 0
    """Those of them that are due."""
    due_withdrawn: int = 0
    """The withdrawn ones that are due and had events."""

    @property
    def total(self) -> int:
        """Return the number of all revised lines."""
        return self.new + self.changed + self.withdrawn


@dataclass
class Ledger(RowCounts):
    """The outcomes of the rows of an import, and their effect on usage."""

    import_id: int | None = None
    status: str = ImportStatus.LOADING
    clock: str = ""
    moved_to_other_customer: int = 0
    """The corrections that move an event to another customer."""
    on_line: int = 0
    """The events of the import that count on a line; those on none are counted by reason."""
    unassigned_by_reason: dict[str, int] = field(default_factory=dict)
    unusable: int = 0
    files: list[FileLedger] = field(default_factory=list)
    lines_changed: int = 0
    lines: LineChanges = field(default_factory=LineChanges)
    warnings: list[str] = field(default_factory=list)
    """The warnings about the whole import; those about one file are in its own ledger."""
    message: str | None = None
