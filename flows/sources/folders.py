"""Find the files that a folder or a glob stands for, and the links that lead out of it."""

import glob
import os
from dataclasses import dataclass, field
from pathlib import Path

from flows.sources.reading import names


@dataclass
class Found:
    """The files that a source stands for, and the links among them that lead out of its folder and are not followed."""

    files: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)


def found_files(source: str) -> Found:
    """Return the files of a folder, the one file of this name, or those that match a glob; a folder that matches stands for its files.

    A file that is named itself is read wherever it lies. Raises OSError for a folder that cannot be read.
    """
    if Path(source).is_dir():
        return _within(_below(source), source)
    if os.path.lexists(source):
        return Found({source})
    matches = set(glob.glob(source, recursive=True))  # noqa: PTH207 - it leaves hidden files out, Path.glob does not
    folders = {path for path in matches if Path(path).is_dir()}
    return _within((matches - folders).union(*map(_below, folders)), _literal_folder(source))


def _below(folder: str) -> set[str]:
    """Return the files of known endings in a folder and below it, without hidden ones, and the links to folders."""
    found = set()
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        # The walk goes into the folders that are left in the list, but into no link.
        folders[:] = [folder for folder in folders if not folder.startswith(".")]
        found |= {str(Path(parent, name)) for name in files if names.is_known(name)}
        found |= {str(path) for name in folders if (path := Path(parent, name)).is_symlink()}
    return found


def _refuse(error: OSError) -> None:
    raise error


def _literal_folder(pattern: str) -> str:
    """Return the folder before the first part of a pattern that is not literal."""
    parts = Path(pattern).parts
    literal = next((at for at, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return str(Path(*parts[:literal]))


def _within(paths: set[str], folder: str) -> Found:
    """Divide paths into the files that lie in a folder and the links that lead out of it; links to its own folders are neither."""
    root, found, parents = os.path.realpath(folder), Found(), dict[str, str]()
    for path in paths:
        parent = os.path.dirname(path)  # noqa: PTH120 - of many paths, and five times as fast
        if parent not in parents:
            parents[parent] = os.path.realpath(parent)
        is_link = Path(path).is_symlink()
        real = os.path.realpath(path) if is_link else os.path.join(parents[parent], "")  # noqa: PTH118
        if os.path.commonpath((root, real)) != root:
            found.links.add(path)
        elif not (is_link and Path(path).is_dir()):
            found.files.add(path)
    return found
