"""The import, stage by stage: begin, load each file, finish; with or without Prefect these are the same functions.

begin    list the sources, hash the files, give each its place, make the staging table
load     read, sift and copy one file, chunk by chunk
finish   settle, merge, roll up, publish: one transaction
"""

import shlex
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from flows.catalog import CURRENT_VERSION, catalog_frames
from flows.fetching import is_one_of
from flows.load import Catalogued, LoadOrder, Progress, load_file
from flows.mapping import load_mapping
from flows.notes import counts_told
from flows.provenance import provenance
from flows.publish import prepare, publish, scope_of
from flows.reading import ChunkSize
from flows.rollup import Arrived
from flows.settle import Settlement, merge, note_repeats, reject_conflicts, settle, touch
from flows.sources import Source, hash_source, list_sources
from flows.staging import create_staging, drop_staging
from flows.terminal import instant
from schemas.errors import UsageImportError
from schemas.ledger import FileLedger, ImportKind, ImportStatus, Ledger, RowCounts
from schemas.mapping import Mapping, Template
from schemas.rejections import RejectionCode
from schemas.tables import chunks, files, import_files, imports, mappings, rejections
from transforms.sift import bounded_counts

MAX_REJECTED: Final = Decimal("0.05")
"""The share of rejected rows above which an import fails, unless another is asked for."""
MAX_OWN_CORRECTIONS: Final = Decimal("0.01")
"""A key made by a template that makes more of a file's rows correct one another is too short."""

PUBLISHED_NAMES: Final = """
    select uri, max(published_import_id) from files
    where uri = any(:uris) and uri <> '-' and published_import_id is not null group by uri
"""


@dataclass(frozen=True)
class ImportRequest:
    """What a person or a schedule asked for."""

    sources: tuple[str, ...]
    mapping_file: str | None = None
    clock: datetime | None = None
    max_rejected: Decimal | None = None
    """None: the usual share, or that with which an import that is taken up again began."""
    reason: str | None = None
    flow_run_id: str | None = None


@dataclass(frozen=True)
class PlannedFile:
    """A file of an import: its place, its bytes, and whether there is anything to read."""

    file_id: int
    source: Source
    sha256: str
    size: int
    is_unchanged: bool
    replaces_import_id: int | None = None


@dataclass(frozen=True)
class ImportPlan:
    """An import that has begun: its id, its clock and its files in the order of their places."""

    import_id: int
    clock: datetime
    catalog_version: int
    mapping: Mapping
    files: tuple[PlannedFile, ...]
    max_rejected: Decimal
    is_resumed: bool

    @property
    def is_unchanged(self) -> bool:
        """Whether all files are known already, so that there is nothing to do."""
        return all(file.is_unchanged for file in self.files)


@dataclass(frozen=True)
class HashedSource:
    """A source and what its bytes are."""

    source: Source
    sha256: str
    size: int


def identify_sources(sources: Sequence[str]) -> tuple[HashedSource, ...]:
    """List the files of some sources and hash each; their order is that of their places."""
    return tuple(HashedSource(source, *hash_source(source)) for source in list_sources(sources))


def begin_import(engine: Engine, request: ImportRequest, hashed: Sequence[HashedSource]) -> ImportPlan:
    """Give the import its id, its clock and its files their places, or take up the unfinished one it repeats.

    The caller holds the import lock. Raises UsageImportError where another import is unfinished, where there is no
    catalog, or where bytes are known under another mapping.
    """
    with engine.begin() as connection:
        unfinished = connection.execute(
            select(imports).where(imports.c.status == ImportStatus.LOADING)
        ).first()
        plan = plan_import(connection, request, hashed)
        if unfinished is not None:
            plan = take_up(connection, plan, request, unfinished)
        elif not plan.is_unchanged:
            register(connection, plan, request)
    return plan


def plan_import(connection: Connection, request: ImportRequest, hashed: Sequence[HashedSource]) -> ImportPlan:
    """What a new import of some files would be called and where its files have their places; writes nothing."""
    mapping = load_mapping(Path(request.mapping_file) if request.mapping_file else None)
    catalog_version = connection.scalar(text(CURRENT_VERSION))
    if not catalog_version:
        raise UsageImportError(
            "no catalog is loaded; load one with 'usage-import catalog DIR' or run with --catalog DIR"
        )
    return ImportPlan(
        import_id=next_id(connection, imports.c.import_id),
        clock=request.clock or datetime.now(UTC),
        catalog_version=catalog_version,
        mapping=mapping,
        files=plan_files(connection, hashed, mapping),
        max_rejected=MAX_REJECTED if request.max_rejected is None else request.max_rejected,
        is_resumed=False,
    )


def take_up(connection: Connection, plan: ImportPlan, request: ImportRequest, unfinished: Any) -> ImportPlan:
    """The unfinished import gone on with, where this plan reads all of its files; new ones beside them become part of it.

    So a schedule that reads a folder goes on although a file has arrived since. Raises UsageImportError for other files.
    """
    of_import = select(import_files.c.file_id).where(import_files.c.import_id == unfinished.import_id)
    begun = set(connection.scalars(of_import))
    if not begun <= {file.file_id for file in plan.files if not file.is_unchanged}:
        raise UsageImportError(unfinished_message(request, unfinished))
    plan = replace(
        plan,
        import_id=unfinished.import_id,
        clock=unfinished.clock,
        max_rejected=unfinished.max_rejected if request.max_rejected is None else request.max_rejected,
        is_resumed=True,
    )
    register_files(connection, plan, begun=begun)
    if unfinished.catalog_version != plan.catalog_version:
        load_anew(connection, plan)
        this = update(imports).where(imports.c.import_id == plan.import_id)
        connection.execute(this.values(catalog_version=plan.catalog_version))
    return plan


def load_anew(connection: Connection, plan: ImportPlan) -> None:
    """Forget what was loaded of an import: judged by an earlier catalog, its rows would show where it was cut off."""
    for kept in (chunks, rejections):
        connection.execute(delete(kept).where(kept.c.import_id == plan.import_id))
    drop_staging(connection, plan.import_id)
    create_staging(connection, plan.import_id, keeps_bytes=plan.mapping.on_conflict == "reject")


def unfinished_message(request: ImportRequest, unfinished: Any) -> str:
    """One line about the import that blocks, and the ways out."""
    told, import_id = unfinished.sources, unfinished.import_id
    if (list(request.sources), request.mapping_file) == (told["sources"], told["mapping"]):
        return (
            f"import {import_id} is unfinished, and not all that it began to read is there as it was; bring it back, "
            f"or give the import up with 'usage-import revert {import_id}'"
        )
    words = [*told["sources"], *(["--mapping", told["mapping"]] if told["mapping"] else [])]
    return (
        f"import {import_id} is unfinished; finish it with 'usage-import run {shlex.join(words)}' "
        f"or give it up with 'usage-import revert {import_id}'"
    )


def next_id(connection: Connection, column: Any) -> int:
    """One more than the greatest; the import lock keeps others away."""
    return int(connection.scalar(select(func.coalesce(func.max(column), 0) + 1)) or 1)


def plan_files(
    connection: Connection, hashed: Sequence[HashedSource], mapping: Mapping
) -> tuple[PlannedFile, ...]:
    """Each file with its place: the one it has had since it was first listed, or the next."""
    known = {
        (row.sha256, row.mapping_digest): row
        for row in connection.execute(
            select(files).where(is_one_of(files.c.sha256, [file.sha256 for file in hashed]))
        )
    }
    refuse_other_mapping(hashed, mapping, list(known.values()))
    named = dict(
        connection.execute(text(PUBLISHED_NAMES), {"uris": [file.source.uri for file in hashed]})
        .tuples()
        .all()
    )
    next_place = next_id(connection, files.c.file_id)
    planned: dict[str, PlannedFile] = {}
    listed: list[PlannedFile] = []
    for file in hashed:
        held = known.get((file.sha256, mapping.digest))
        if file.sha256 in planned:
            listed.append(replace(planned[file.sha256], source=file.source, is_unchanged=True))
            continue
        file_id = next_place if held is None else held.file_id
        next_place += held is None
        is_unchanged = held is not None and held.published_import_id is not None
        replaced = None if is_unchanged else named.get(file.source.uri)
        planned[file.sha256] = PlannedFile(
            file_id,
            file.source,
            file.sha256,
            file.size,
            is_unchanged=is_unchanged,
            replaces_import_id=replaced,
        )
        listed.append(planned[file.sha256])
    return tuple(listed)


def refuse_other_mapping(hashed: Sequence[HashedSource], mapping: Mapping, known: Sequence[Any]) -> None:
    """Known bytes under another mapping would count twice; none at all cannot."""
    uris = {file.sha256: file.source.uri for file in hashed if file.size}
    for row in known:
        if (
            row.sha256 in uris
            and row.published_import_id is not None
            and row.mapping_digest != mapping.digest
        ):
            raise UsageImportError(
                f"{uris[row.sha256]}: import {row.published_import_id} read the same bytes under another mapping, "
                f"and under two they would count twice; use that mapping, which 'usage-import imports show {row.published_import_id}' names"
            )


def register(connection: Connection, plan: ImportPlan, request: ImportRequest) -> None:
    """Write down that an import has begun, and make its staging tables."""
    register_mapping(connection, plan.mapping, name=request.mapping_file)
    connection.execute(
        insert(imports).values(
            import_id=plan.import_id,
            kind=ImportKind.IMPORT,
            status=ImportStatus.LOADING,
            clock=plan.clock,
            sources={"sources": list(request.sources), "mapping": request.mapping_file},
            mapping_digest=plan.mapping.digest,
            catalog_version=plan.catalog_version,
            max_rejected=plan.max_rejected,
            **provenance(reason=request.reason, flow_run_id=request.flow_run_id),
        )
    )
    register_files(connection, plan)
    create_staging(connection, plan.import_id, keeps_bytes=plan.mapping.on_conflict == "reject")


def register_mapping(connection: Connection, mapping: Mapping, *, name: str | None) -> None:
    """Keep a mapping that no import was run with before."""
    is_known = select(mappings.c.mapping_digest).where(mappings.c.mapping_digest == mapping.digest)
    if connection.scalar(is_known) is None:
        told = {"mapping_digest": mapping.digest, "name": name, "document": mapping.model_dump(mode="json")}
        connection.execute(insert(mappings).values(told))


def register_files(
    connection: Connection, plan: ImportPlan, *, begun: AbstractSet[int] = frozenset()
) -> None:
    """Give files that are listed for the first time their places, and say which ones the import reads beside those begun."""
    read = [file for file in plan.files if not file.is_unchanged and file.file_id not in begun]
    if not read:
        return
    placed = select(files.c.file_id).where(is_one_of(files.c.file_id, [file.file_id for file in read]))
    held = set(connection.scalars(placed))
    fresh = [
        {
            "file_id": file.file_id,
            "uri": file.source.uri,
            "sha256": file.sha256,
            "mapping_digest": plan.mapping.digest,
            "size": file.size,
            "first_import_id": plan.import_id,
        }
        for file in read
        if file.file_id not in held
    ]
    if fresh:
        connection.execute(insert(files), fresh)
    connection.execute(
        insert(import_files),
        [
            {
                "import_id": plan.import_id,
                "file_id": file.file_id,
                "uri": file.source.uri,
                "source_version": file.source.version,
            }
            for file in read
        ],
    )


def load_planned_file(
    engine: Engine, plan: ImportPlan, file: PlannedFile, *, chunk: ChunkSize, progress: Progress
) -> None:
    """Load one file of an import, going on from where an earlier attempt stopped."""
    order = LoadOrder(
        import_id=plan.import_id,
        file_id=file.file_id,
        source=file.source,
        mapping=plan.mapping,
        clock=plan.clock,
        chunk=chunk,
    )
    with engine.connect() as connection:
        catalog = catalog_frames(connection)
        connection.commit()
        load_file(connection, order, Catalogued(catalog.customers, catalog.contracts), progress=progress)


def finish_import(engine: Engine, plan: ImportPlan) -> Ledger:
    """Settle, merge, roll up and publish in one transaction; the ledger of what came of it.

    An import above its limit of rejected rows ends as failed, with nothing loaded and its rejections kept: the ledger
    says so in ``status`` and ``message``.
    """
    with engine.begin() as connection:
        prepare(connection)
        settlement = settle(
            connection, import_id=plan.import_id, is_conflict_rejected=plan.mapping.on_conflict == "reject"
        )
        ledger = ledger_of(plan, settlement)
        if not ledger.is_balanced or not all(file.is_balanced for file in ledger.files):
            raise UsageImportError(
                f"import {plan.import_id}: rows and outcomes do not add up; nothing of it counts, report this"
            )
        if ledger.rejected_by_reason.get(RejectionCode.CONFLICT):
            reject_conflicts(connection, import_id=plan.import_id)
        if ledger.rejected:
            note_repeats(connection, import_id=plan.import_id)
        refusal = refusal_of(plan, settlement, ledger)
        if refusal is None:
            let_count(connection, plan, ledger)
        else:
            ledger.status, ledger.message = ImportStatus.FAILED, refusal
        write_ledger(connection, plan, ledger)
        drop_staging(connection, plan.import_id)
    return ledger


def let_count(connection: Connection, plan: ImportPlan, ledger: Ledger) -> None:
    """Merge and publish what was settled, and complete the ledger by what came of it."""
    scope = scope_of(connection)
    touch(connection)
    read = tuple(file.file_id for file in plan.files if not file.is_unchanged)
    is_any_current = bool(ledger.new or ledger.corrected)
    arrived = Arrived(read, merge(connection, import_id=plan.import_id, is_any_current=is_any_current))
    published = publish(connection, scope, import_id=plan.import_id, clock=plan.clock, arrived=arrived)
    ledger.status = ImportStatus.PUBLISHED
    ledger.lines_changed = published.lines_changed
    ledger.unassigned_by_reason = published.unassigned_by_reason
    ledger.unusable = published.unusable
    connection.execute(
        update(files).where(is_one_of(files.c.file_id, read)).values(published_import_id=plan.import_id)
    )


def fail_import(engine: Engine, plan: ImportPlan, message: str) -> None:
    """End an import that cannot be read: nothing of it is loaded, its rejections are kept."""
    with engine.begin() as connection:
        connection.execute(
            update(imports)
            .where(imports.c.import_id == plan.import_id)
            .values(status=ImportStatus.FAILED, failure=message, finished_at=func.clock_timestamp())
        )
        drop_staging(connection, plan.import_id)


def write_ledger(connection: Connection, plan: ImportPlan, ledger: Ledger) -> None:
    """Keep the ledger with the import and with each of its files."""
    values: dict[str, Any] = {"ledger": asdict(ledger)}
    if ledger.status == ImportStatus.FAILED:
        values |= {"status": ledger.status, "failure": ledger.message, "finished_at": func.clock_timestamp()}
    connection.execute(update(imports).where(imports.c.import_id == plan.import_id).values(values))
    for file in ledger.files:
        if not file.is_unchanged:
            connection.execute(
                update(import_files)
                .where(import_files.c.import_id == plan.import_id, import_files.c.file_id == file.file_id)
                .values(ledger=asdict(file), is_loaded=True)
            )


def ledger_of(plan: ImportPlan, settlement: Settlement) -> Ledger:
    """The ledger of an import from those of its files, in the order of their places."""
    ledger = Ledger(import_id=plan.import_id, clock=instant(plan.clock))
    for file in plan.files:
        counted = FileLedger() if file.is_unchanged else settlement.files.get(file.file_id, FileLedger())
        counted.uri, counted.sha256, counted.size = file.source.uri, file.sha256, file.size
        counted.file_id, counted.is_unchanged = file.file_id, file.is_unchanged
        counted.replaces_import_id = file.replaces_import_id
        ledger.files.append(counted)
        add_counts(ledger, counted)
    return ledger


def add_counts(total: RowCounts, counted: RowCounts) -> None:
    """Add the counts of a file to those of its import."""
    for name, value in asdict(RowCounts()).items():
        before, told = getattr(total, name), getattr(counted, name)
        setattr(total, name, bounded_counts([before, told]) if isinstance(value, dict) else before + told)


def refusal_of(plan: ImportPlan, settlement: Settlement, ledger: Ledger) -> str | None:
    """Why an import must not count, in one line with the way out; None where it may."""
    flaws = (flaw_of(plan, settlement, file) for file in ledger.files)
    return too_many_rejected(plan, ledger) or next(filter(None, flaws), None)


def too_many_rejected(plan: ImportPlan, ledger: Ledger) -> str | None:
    """What is said of an import above its limit of rejected rows, or all of whose rows are; None within the limit."""
    if not ledger.rejected or ledger.rows > ledger.rejected <= plan.max_rejected * ledger.rows:
        return None
    told = counts_told(ledger.rejected_by_reason)
    share = f"{names_of(ledger)}: {ledger.rejected:,} of {ledger.rows:,} rows rejected ({told})"
    ways = [] if ledger.import_id is None else [f"see 'usage-import rejects {ledger.import_id}'"]
    if ledger.rejected == ledger.rows:
        return "; ".join([f"{share}, so nothing is loaded", *ways])
    ways.append(f"accept it with --max-rejected {-(-100 * ledger.rejected // ledger.rows)}%")
    limit = f"{(plan.max_rejected * 100).normalize():f} %"
    return f"{share}, above the limit of {limit}, so nothing is loaded; {', or '.join(ways)}"


def names_of(ledger: Ledger) -> str:
    """The files that were read, the first few by name."""
    read = [file.uri for file in ledger.files if not file.is_unchanged]
    more = f" and {len(read) - 3:,} more" if len(read) > 3 else ""
    return ", ".join(read[:3]) + more


def flaw_of(plan: ImportPlan, settlement: Settlement, file: FileLedger) -> str | None:
    """What is said of a file whose timestamps or keys cannot be what they were taken for; None of others."""
    accepted = file.rows - file.rejected
    if not plan.mapping.oldest and accepted and 2 * file.before_2000 > accepted:
        return (
            f"{file.uri}: {file.before_2000:,} of {accepted:,} events lie before the year 2000, as if seconds were "
            "taken for milliseconds; set the timestamp's unit in the mapping, or 'oldest' if they are that old"
        )
    own = settlement.own_corrections.get(file.file_id or 0, 0)
    if is_key_made(plan.mapping) and own > MAX_OWN_CORRECTIONS * file.rows:
        return (
            f"{file.uri}: {own:,} of {file.rows:,} rows correct another row of the file, so the template of "
            "idempotencyKey is too short to tell events apart; add columns to it, or leave it out"
        )
    return None


def is_key_made(mapping: Mapping) -> bool:
    """Whether a template makes the key."""
    return mapping.fields is not None and isinstance(mapping.fields.get("idempotencyKey"), Template)
