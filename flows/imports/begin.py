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
from flows.database.read import is_one_of
from flows.history.provenance import provenance
from flows.imports.listing import HashedSource, ImportFile, next_id, place_files
from flows.imports.request import ImportRequest
from flows.imports.staging import create_staging, drop_staging
from flows.sources.mapping_file import load_mapping
from schemas.documents.mapping import Mapping
from schemas.errors import UsageImportError
from schemas.tables.imports import chunks, files, import_files, imports, mappings, rejections
from schemas.vocabulary import ImportKind, ImportStatus
from transforms.imports.acceptance import MAX_REJECTED


@dataclass(frozen=True)
class OpenImport:
    """An import that has begun: its id, its clock and its files in the order of their places."""

    import_id: int
    clock: datetime
    catalog_version: int
    mapping: Mapping
    files: tuple[ImportFile, ...]
    max_rejected: Decimal
    is_resumed: bool

    @property
    def is_unchanged(self) -> bool:
        """Whether all files are known already, so that there is nothing to do."""
        return all(file.is_unchanged for file in self.files)


def begin_import(engine: Engine, request: ImportRequest, hashed: Sequence[HashedSource]) -> OpenImport:
    """Give the import its id, its clock and its files their places, or take up the unfinished one it repeats.

    The caller holds the import lock. Raises UsageImportError where another import is unfinished, where there is no
    catalog, or where bytes are known under another mapping.
    """
    with engine.begin() as connection:
        unfinished = connection.execute(
            select(imports).where(imports.c.status == ImportStatus.LOADING)
        ).first()
        opened = open_import(connection, request, hashed)
        if unfinished is not None:
            opened = resume(connection, opened, request, unfinished)
        elif not opened.is_unchanged:
            register(connection, opened, request)
    return opened


def open_import(connection: Connection, request: ImportRequest, hashed: Sequence[HashedSource]) -> OpenImport:
    """What a new import of some files would be called and where its files have their places; writes nothing."""
    mapping = load_mapping(Path(request.mapping_file) if request.mapping_file else None)
    catalog_version = current_version(connection)
    if not catalog_version:
        raise UsageImportError(
            "no catalog is loaded; load one with 'usage-import catalog DIR' or run with --catalog DIR"
        )
    return OpenImport(
        import_id=next_id(connection, imports.c.import_id),
        clock=request.clock or datetime.now(UTC),
        catalog_version=catalog_version,
        mapping=mapping,
        files=place_files(connection, hashed, mapping),
        max_rejected=MAX_REJECTED if request.max_rejected is None else request.max_rejected,
        is_resumed=False,
    )


def resume(connection: Connection, opened: OpenImport, request: ImportRequest, unfinished: Any) -> OpenImport:
    """The unfinished import gone on with, where this plan reads all of its files; new ones beside them become part of it.

    So a schedule that reads a folder goes on although a file has arrived since. Raises UsageImportError for other files.
    """
    of_import = select(import_files.c.file_id).where(import_files.c.import_id == unfinished.import_id)
    begun = set(connection.scalars(of_import))
    if not begun <= {file.file_id for file in opened.files if not file.is_unchanged}:
        raise UsageImportError(unfinished_message(request, unfinished))
    opened = replace(
        opened,
        import_id=unfinished.import_id,
        clock=unfinished.clock,
        max_rejected=unfinished.max_rejected if request.max_rejected is None else request.max_rejected,
        is_resumed=True,
    )
    register_files(connection, opened, begun=begun)
    if unfinished.catalog_version != opened.catalog_version:
        load_anew(connection, opened)
        this = update(imports).where(imports.c.import_id == opened.import_id)
        connection.execute(this.values(catalog_version=opened.catalog_version))
    return opened


def load_anew(connection: Connection, opened: OpenImport) -> None:
    """Forget what was loaded of an import: judged by an earlier catalog, its rows would show where it was cut off."""
    for kept in (chunks, rejections):
        connection.execute(delete(kept).where(kept.c.import_id == opened.import_id))
    drop_staging(connection, opened.import_id)
    create_staging(connection, opened.import_id, keeps_bytes=opened.mapping.rejects_conflicts)


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


def register(connection: Connection, opened: OpenImport, request: ImportRequest) -> None:
    """Write down that an import has begun, and make its staging tables."""
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
            max_rejected=opened.max_rejected,
            **provenance(reason=request.reason, flow_run_id=request.flow_run_id),
        )
    )
    register_files(connection, opened)
    create_staging(connection, opened.import_id, keeps_bytes=opened.mapping.rejects_conflicts)


def register_mapping(connection: Connection, mapping: Mapping, *, name: str | None) -> None:
    """Keep a mapping that no import was run with before."""
    is_known = select(mappings.c.mapping_digest).where(mappings.c.mapping_digest == mapping.digest)
    if connection.scalar(is_known) is None:
        told = {"mapping_digest": mapping.digest, "name": name, "document": mapping.model_dump(mode="json")}
        connection.execute(insert(mappings).values(told))


def register_files(
    connection: Connection, opened: OpenImport, *, begun: AbstractSet[int] = frozenset()
) -> None:
    """Give files that are listed for the first time their places, and say which ones the import reads beside those begun."""
    read = [file for file in opened.files if not file.is_unchanged and file.file_id not in begun]
    if not read:
        return
    placed = select(files.c.file_id).where(is_one_of(files.c.file_id, [file.file_id for file in read]))
    held = set(connection.scalars(placed))
    fresh = [
        {
            "file_id": file.file_id,
            "uri": file.source.uri,
            "sha256": file.sha256,
            "mapping_digest": opened.mapping.digest,
            "size": file.size,
            "first_import_id": opened.import_id,
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
                "import_id": opened.import_id,
                "file_id": file.file_id,
                "uri": file.source.uri,
                "source_pin": file.source.pin,
            }
            for file in read
        ],
    )
