"""The whole: what an installation holds, and what an import over some files does to it, row after row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from tests.reference.catalog import Catalog
from tests.reference.lines import PARTLY, Line, assign, usage_lines
from tests.reference.mapping import Mapping, read_fields
from tests.reference.meters import Event, matches, usable
from tests.reference.reading import Row, read_rows
from tests.reference.sifting import Accepted, Content, Rejected, sift

Key = tuple[object, ...]
Place = tuple[int, int]
TEMPLATE_LIMIT = Fraction(1, 100)


@dataclass(frozen=True)
class CurrentEvent:
    """The version of an event that counts: its content, instant, version, place and the import that read it first."""

    content: Content
    at: datetime
    version: Decimal | None
    place: Place
    import_number: int
    mapping: str


@dataclass
class FileRecord:
    """A file once listed: its place, its mapping, and whether a published import has read it."""

    place: int
    mapping: str
    is_published: bool = False


@dataclass
class Rejection:
    """One row set aside."""

    file: str
    file_place: int
    row: int
    code: str
    raw: bytes
    is_repeat: bool = False


@dataclass
class Ledger:
    """The counts of an import."""

    status: str = "published"
    outcomes: Counter[str] = field(default_factory=Counter)
    rejections: list[Rejection] = field(default_factory=list)
    duplicates_without_key: int = 0
    unassigned: Counter[str] = field(default_factory=Counter)
    unusable: int = 0
    defaulted_timestamps: int = 0
    unknown_fields: Counter[str] = field(default_factory=Counter)
    files: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows of the files that were read."""
        return self.outcomes.total()


@dataclass
class Installation:
    """Everything that is kept from one command to the next."""

    zone: str = "UTC"
    catalog: Catalog = field(default_factory=Catalog)
    events: dict[Key, CurrentEvent] = field(default_factory=dict)
    files: dict[str, FileRecord] = field(default_factory=dict)
    open_rejections: dict[int, set[tuple[bytes, str]]] = field(default_factory=dict)
    greatest_clock: datetime | None = None
    import_count: int = 0

    def take_catalog(self, folder: Path, clock: datetime) -> None:
        """The command `catalog`."""
        self.catalog.take(folder, clock)

    def roll_up(self, clock: datetime) -> None:
        """The command `rollup`."""
        self.greatest_clock = max(self.greatest_clock or clock, clock)

    def run(
        self,
        paths: Sequence[Path],
        mapping: Mapping,
        clock: datetime,
        most_rejected: Fraction = Fraction(5, 100),
    ) -> Ledger:
        """The command `run`: files in their order, rows in theirs, one after another."""
        ledger = Ledger()
        self.import_count += 1
        wanted = self._list(paths, mapping)
        if not wanted:
            ledger.status = "unchanged"
            return ledger
        before = deepcopy(self.events)
        is_template_short = is_file_above = False
        for record, path, data in wanted:
            self.open_rejections.pop(record.place, None)
            rows = read_rows(path.name, data)
            corrections = self._read(record, path.name, rows, mapping, clock, ledger)
            of_file = ledger.files[path.name]
            is_file_above |= of_file["rejected"] > most_rejected * len(rows)
            is_template_short |= corrections > TEMPLATE_LIMIT * len(rows)
        rejected = ledger.outcomes["rejected"]
        self._look_for_repeats(ledger)
        is_other_feed = self._corrected_of_others(before, mapping) > TEMPLATE_LIMIT * ledger.rows
        is_other_feed &= not mapping.expects_corrections
        if rejected == ledger.rows > 0 or is_file_above or is_template_short or is_other_feed:
            ledger.status = "failed"
            self.events = before
            return ledger
        for record, _, _ in wanted:
            record.is_published = True
        self.greatest_clock = max(self.greatest_clock or clock, clock)
        self._look_at_own_events(ledger)
        return ledger

    def _corrected_of_others(self, before: dict[Key, CurrentEvent], mapping: Mapping) -> int:
        """How many events that another mapping brought, or that had another name, were corrected."""
        return sum(
            self.events[key].import_number != old.import_number
            and (old.mapping != mapping.text or self.events[key].content.event_name != old.content.event_name)
            for key, old in before.items()
        )

    def _list(self, paths: Sequence[Path], mapping: Mapping) -> list[tuple[FileRecord, Path, bytes]]:
        """The files to read, in the order of their places; known ones are left out unless they failed."""
        wanted: dict[int, tuple[FileRecord, Path, bytes]] = {}
        for path in paths:
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            record = self.files.setdefault(digest, FileRecord(len(self.files) + 1, mapping.text))
            if not record.is_published:
                record.mapping = mapping.text
                wanted.setdefault(record.place, (record, path, data))
        return [wanted[place] for place in sorted(wanted)]

    def _read(
        self,
        record: FileRecord,
        name: str,
        rows: list[Row],
        mapping: Mapping,
        clock: datetime,
        ledger: Ledger,
    ) -> int:
        """Settle the rows of one file; how many corrected a row of the same file by a key from a template."""
        ordinals: Counter[Content] = Counter()
        told_here: set[Key] = set()
        corrections = 0
        counts = ledger.files.setdefault(name, Counter())
        for row in rows:
            if row.event is not None or row.cells is not None:
                ledger.unknown_fields.update(read_fields(row, mapping).unknown)
            judged = sift(row, mapping, self.catalog, clock)
            outcome = "rejected"
            if isinstance(judged, Accepted):
                key: Key = ("given", judged.idempotency_key)
                if judged.idempotency_key is None:
                    ordinals[judged.content] += 1
                    key = ("derived", judged.content, ordinals[judged.content])
                outcome = self._deduplicate(key, judged, (record.place, row.number), mapping, clock)
                ledger.defaulted_timestamps += judged.content.at is None
                if outcome == "duplicate" and judged.idempotency_key is None:
                    ledger.duplicates_without_key += 1
                corrections += outcome == "corrected" and key in told_here
                told_here.add(key)
                judged = Rejected("conflict")
            if outcome == "rejected":
                ledger.rejections.append(Rejection(name, record.place, row.number, judged.code, row.raw))
            ledger.outcomes[outcome] += 1
            counts[outcome] += 1
        is_key_made = "idempotencyKey" in mapping.fields and not mapping.expects_corrections
        return corrections if is_key_made else 0

    def _deduplicate(self, key: Key, row: Accepted, place: Place, mapping: Mapping, clock: datetime) -> str:
        """Return the outcome of an accepted row, compared with the current version of its key."""
        current = self.events.get(key)
        if current is None:
            at = row.content.at or clock
            self.events[key] = CurrentEvent(
                row.content, at, row.version, place, self.import_count, mapping.text
            )
            return "new"
        if current.content == row.content:
            if _is_later(row.version, place, current):
                version = current.version if row.version is None else row.version
                self.events[key] = replace(current, version=version, place=place)
            return "duplicate"
        if mapping.refuses_corrections:
            return "rejected"
        if not _is_later(row.version, place, current):
            return "stale"
        both_omitted = row.content.at is None and current.content.at is None
        at = current.at if both_omitted else row.content.at or clock
        self.events[key] = CurrentEvent(row.content, at, row.version, place, self.import_count, mapping.text)
        return "corrected"

    def _look_for_repeats(self, ledger: Ledger) -> None:
        """A rejection equal in bytes and code to an open one is a repeat; reading a file again closes its old ones."""
        for rejection in ledger.rejections:
            identity = (rejection.raw, rejection.code)
            rejection.is_repeat = any(identity in opened for opened in self.open_rejections.values())
            self.open_rejections.setdefault(rejection.file_place, set()).add(identity)

    def _look_at_own_events(self, ledger: Ledger) -> None:
        for event in self.billed(
            current for current in self.events.values() if current.import_number == self.import_count
        ):
            reason = assign(event, self.catalog, self.zone).reason
            if reason not in (None, PARTLY):
                ledger.unassigned[str(reason)] += 1
            for meter in self.catalog.meters.values():
                if matches(meter, event, self.catalog) and usable(meter, event) is None:
                    ledger.unusable += 1

    def billed(self, current: Iterable[CurrentEvent]) -> list[Event]:
        """The events that count, deleted ones left out."""
        return [
            Event(
                one.content.customer_id,
                one.content.event_name,
                one.at,
                one.content.contract_id,
                dict(one.content.properties),
            )
            for one in current
            if not one.content.is_deleted
        ]

    def lines(self) -> list[Line]:
        """The command `usage`; nothing before the first publish."""
        if self.greatest_clock is None:
            return []
        return usage_lines(self.billed(self.events.values()), self.catalog, self.zone, self.greatest_clock)

    def unassigned(self) -> Counter[tuple[str, str, str]]:
        """The command `unassigned`: events by customer, name and reason."""
        found: Counter[tuple[str, str, str]] = Counter()
        for event in self.billed(self.events.values()):
            reason = assign(event, self.catalog, self.zone).reason
            if reason is not None:
                found[event.customer_id, event.event_name, reason] += 1
        return found


def _is_later(version: Decimal | None, place: Place, current: CurrentEvent) -> bool:
    if version is not None and current.version is not None and version != current.version:
        return version > current.version
    return place > current.place
