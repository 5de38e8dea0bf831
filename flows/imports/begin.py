"""Begin an import: register it with its files, or resume the unfinished one that it repeats."""

import shlex
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from flows.catalog.read_catalog import current_version
from flows.catalog.staged import adopt_staged, drop_staged_catalog, staged_catalog
from flows.database.execute import execute
from flows.database.import_lock import ImportLock, locked_transaction
from flows.database.read import is_one_of
from flows.history.provenance import provenance
from flows.imports.listing import HashedSource, ImportFile, next_id, place_files
from flows.imports.request import ImportRequest
from flows.imports.staging import create_staging, drop_staging
from flows.sources.files import links_left_out
from flows.sources.mapping_file import load_mapping
from schemas.documents.mapping import Mapping
from schemas.errors import UsageImportError
from schemas.tables.imports import chunks, files, import_files, imports, mappings, rejections
from schemas.vocabulary import ImportKind, ImportStatus
from transforms.imports.acceptance import MAX_REJECTED, MAX_UNASSIGNED
from transforms.statements import statements

SQL = statements("flows/imports/begin.sql")


@dataclass(frozen=True)
class OpenImport:
    """An import to be run: its id, its clock, and its files in the order of their places."""

    import_id: int
    clock: datetime
    catalog_version: int
    catalog_digest: str | None
    """The hash of the catalog that waits for the import, if there is one."""
    mapping: Mapping
    files: tuple[ImportFile, ...]
    max_rejected: Decimal
    max_unassigned: Decimal
    is_resumed: bool
    set_aside: bool = False
    reason: str | None = None
    allow_withdrawn: bool = False
    links_left_out: tuple[str, ...] = ()
    """The links in folders of the sources that lead out of them, which were not followed."""

    @property
    def is_unchanged(self) -> bool:
        """Return whether all files are known already, so that there is nothing to do."""
        return all(file.is_unchanged for file in self.files)


def begin_import(
    engine: Engine, request: ImportRequest, hashed: Sequence[HashedSource], lock: ImportLock
) -> OpenImport:
    """Register an import with its id, its clock and the places of its files, or resume the unfinished one that it repeats.

    The caller holds the import lock. Raises UsageImportError if another import is unfinished, if there is no catalog, or
    if bytes are known under another mapping.
    """
    with locked_transaction(engine, lock) as connection:
        unfinished = unfinished_import(connection)
        import_id = next_id(connection, imports.c.import_id) if unfinished is None else unfinished.import_id
        if request.catalog is not None:
            adopt_staged(connection, import_id)
        opened = open_import(connection, request, hashed, import_id=import_id)
        if unfinished is not None:
            opened = resume(connection, opened, request, unfinished)
        elif opened.is_unchanged:
            drop_staged_catalog(connection, import_id)
        else:
            register(connection, opened, request)
    return opened


def unfinished_import(connection: Connection) -> Any:
    """Return the row of the import that was begun and has not ended, or None."""
    return connection.execute(select(imports).where(imports.c.status == ImportStatus.LOADING)).first()


def open_import(
    connection: Connection, request: ImportRequest, hashed: Sequence[HashedSource], *, import_id: int
) -> OpenImport:
    """Return a new import of some files, with the places of its files; writes nothing.

    Raises UsageImportError if there is no catalog or if bytes are known under another mapping.
    """
    mapping = load_mapping(Path(request.mapping_file) if request.mapping_file else None)
    staged = staged_catalog(connection, import_id)
    catalog_version = current_version(connection) if staged is None else staged.catalog_version
    if not catalog_version:
        raise UsageImportError(
            "no catalog is loaded; load one with 'usage-import catalog DIR' or run with --catalog DIR"
        )
    return OpenImport(
        import_id=import_id,
        clock=request.clock or datetime.now(UTC),
        catalog_version=catalog_version,
        catalog_digest=None if staged is None else staged.digest,
        mapping=mapping,
        files=place_files(connection, hashed, mapping),
        max_rejected=MAX_REJECTED if request.max_rejected is None else request.max_rejected,
        max_unassigned=MAX_UNASSIGNED if request.max_unassigned is None else request.max_unassigned,
        is_resumed=False,
        set_aside=request.set_aside,
        reason=request.reason,
        allow_withdrawn=request.allow_withdrawn,
        links_left_out=tuple(links_left_out(request.sources)),
    )


def resume(connection: Connection, opened: OpenImport, request: ImportRequest, unfinished: Any) -> OpenImport:
    """Return the unfinished import, to be resumed with all files of the request; new files become part of it.

    So a schedule that reads a folder is not blocked by a file that has arrived since. Raises UsageImportError if the
    request does not read all files that the unfinished import began with.
    """
    of_import = select(import_files.c.file_id).where(import_files.c.import_id == unfinished.import_id)
    begun = set(connection.scalars(of_import))
    if not begun <= {file.file_id for file in opened.files if not file.is_unchanged}:
        raise UsageImportError(unfinished_message(request, unfinished))
    opened = replace(
        opened,
        clock=unfinished.clock,
        max_rejected=unfinished.max_rejected if request.max_rejected is None else request.max_rejected,
        is_resumed=True,
        reason=request.reason or unfinished.reason,
    )
    if opened.catalog_digest is not None and opened.catalog_version != current_version(connection) + 1:
        raise UsageImportError(
            f"the catalog has changed since import {opened.import_id} read its own; run it again with --catalog"
        )
    execute(connection, SQL["mark_resumed"], import_id=opened.import_id)
    register_files(connection, opened, begun=begun)
    judged_by = {"catalog_version": opened.catalog_version, "catalog_digest": opened.catalog_digest}
    if (unfinished.catalog_version, unfinished.catalog_digest) != tuple(judged_by.values()):
        forget_loaded(connection, opened)
        this = update(imports).where(imports.c.import_id == opened.import_id)
        connection.execute(this.values(judged_by))
    return opened


def forget_loaded(connection: Connection, opened: OpenImport) -> None:
    """Delete the loaded rows of an import: judged by an earlier catalog, they would show where it was interrupted."""
    for table in (chunks, rejections):
        connection.execute(delete(table).where(table.c.import_id == opened.import_id))
    drop_staging(connection, opened.import_id)
    create_staging(connection, opened.import_id, keeps_bytes=opened.mapping.rejects_conflicts)


def unfinished_message(request: ImportRequest, unfinished: Any) -> str:
    """Return one line that names the unfinished import and the ways out."""
    begun, import_id = unfinished.sources, unfinished.import_id
    if (list(request.sources), request.mapping_file) == (begun["sources"], begun["mapping"]):
        return (
            f"import {import_id} is unfinished, and not all that it began to read is there as it was; bring it back, "
            f"or give the import up with 'usage-import revert {import_id}'"
        )
    words = [*begun["sources"], *(["--mapping", begun["mapping"]] if begun["mapping"] else [])]
    return (
        f"import {import_id} is unfinished; finish it with 'usage-import run {shlex.join(words)}' "
        f"or give it up with 'usage-import revert {import_id}'"
    )


def register(connection: Connection, opened: OpenImport, request: ImportRequest) -> None:
    """Store a new import with its mapping and its files, and create its staging tables."""
    register_mapping(connection, opened.mapping, name=request.mapping_file)
    connection.execute(
        insert(imports).values(
            import_id=opened.import_id,
            kind=ImportKind.IMPORT,
            status=ImportStatus.LOADING,
            clock=opened.clock,
            sources={"sources": list(request.sources), "mapping": request.mapping_file},
            mapping_digest=opened.mapping.digest,
            catalog_version=opened.catalog_version,
            catalog_digest=opened.catalog_digest,
            max_rejected=opened.max_rejected,
            **provenance(reason=request.reason, flow_run_id=request.flow_run_id),
        )
    )
    register_files(connection, opened)
    create_staging(connection, opened.import_id, keeps_bytes=opened.mapping.rejects_conflicts)


def register_mapping(connection: Connection, mapping: Mapping, *, name: str | None) -> None:
    """Store a mapping that no import has used before."""
    is_known = select(mappings.c.mapping_digest).where(mappings.c.mapping_digest == mapping.digest)
    if connection.scalar(is_known) is None:
        row = {"mapping_digest": mapping.digest, "name": name, "document": mapping.model_dump(mode="json")}
        connection.execute(insert(mappings).values(row))


def register_files(
    connection: Connection, opened: OpenImport, *, begun: AbstractSet[int] = frozenset()
) -> None:
    """Store the places of files that are listed for the first time, and the files that the import reads.

    begun: ids of the files that an earlier attempt has stored already.
    """
    read = [file for file in opened.files if not file.is_unchanged and file.file_id not in begun]
    if not read:
        return
    placed = select(files.c.file_id).where(is_one_of(files.c.file_id, [file.file_id for file in read]))
    known = set(connection.scalars(placed))
    new = [
        {
            "file_id": file.file_id,
            "uri": file.source.uri,
            "sha256": file.sha256,
            "mapping_digest": opened.mapping.digest,
            "size": file.size,
            "first_import_id": opened.import_id,
        }
        for file in read
        if file.file_id not in known
    ]
    if new:
        connection.execute(insert(files), new)
    connection.execute(
        insert(import_files),
        [
            {
                "import_id": opened.import_id,
                "file_id": file.file_id,
                "uri": file.source.uri,
                "source_pin": file.source.source_pin,
            }
            for file in read
        ],
    )
