"""Sources that are no plain files: devices, pipes and links are refused, bounded or left out, and said so."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.sources import spool
from flows.sources.files import hash_source, links_left_out, list_sources
from schemas.errors import ConfigurationError, UsageImportError

EVENT = b'{"eventName":"a"}\n'


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder of this test alone; each test copies anew."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    spool.spool.cache_clear()
    yield folder
    while spool.SPOOLS:
        spool.SPOOLS.pop().close()
    spool.spool.cache_clear()


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[str]:
    """A named pipe into which 1,000 events are written."""
    path = tmp_path / "pipe.jsonl"
    os.mkfifo(path)

    def write() -> None:
        try:
            with path.open("wb") as out:
                out.write(EVENT * 1000)
        except BrokenPipeError:
            pass

    writer = threading.Thread(target=write)
    writer.start()
    yield str(path)
    writer.join()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_a_device_is_refused(device: str) -> None:
    """A device is refused before a byte of it is read, by its name and through a link."""
    with pytest.raises(ConfigurationError, match=f"{device} is a device and no file; name a file"):
        list_sources([device])


def test_a_device_as_standard_input_is_refused(tmp_path: Path) -> None:
    """Standard input that is a device is refused before a byte of it is read."""
    code = "from flows.sources.spool import spool; spool('-')"
    with Path("/dev/zero").open("rb") as device:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            stdin=device,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "standard input is a device and no file" in ended.stderr


def test_a_pipe_above_the_limit_is_refused(
    pipe: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says the limit and its variable, and nothing of the copy is left."""
    monkeypatch.setenv("USAGE_IMPORT_SPOOL_BYTES", "10000")
    (source,) = list_sources([pipe])
    with pytest.raises(UsageImportError, match=r"more than 10,000 bytes; .* USAGE_IMPORT_SPOOL_BYTES"):
        hash_source(source)
    assert list(temporary.iterdir()) == []


def test_a_pipe_within_the_limit_is_read(pipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe of as many bytes as the limit is read whole."""
    monkeypatch.setenv("USAGE_IMPORT_SPOOL_BYTES", str(1000 * len(EVENT)))
    (source,) = list_sources([pipe])
    assert hash_source(source)[1] == 1000 * len(EVENT)


def test_a_copy_leaves_room_on_the_disk(pipe: str, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe with more bytes than the temporary folder has to spare is refused, naming the folder and the way out."""
    free = spool.SPARE_BYTES + 5_000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    (source,) = list_sources([pipe])
    with pytest.raises(UsageImportError, match=r"there is room for 5,000 bytes.*set TMPDIR") as refused:
        hash_source(source)
    assert str(temporary) in str(refused.value)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("limit", ["0", "-1", "much"])
def test_a_limit_that_is_none_is_refused(pipe: str, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """The message names the variable and its value."""
    monkeypatch.setenv("USAGE_IMPORT_SPOOL_BYTES", limit)
    (source,) = list_sources([pipe])
    with pytest.raises(ConfigurationError, match=f"USAGE_IMPORT_SPOOL_BYTES is '{limit}'"):
        hash_source(source)
    Path(pipe).read_bytes()


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with links that lead out of it, and links that do not."""
    folder, outside = tmp_path / "exports", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.jsonl").write_bytes(EVENT)
    (folder / "sub" / "a.jsonl").write_bytes(EVENT)
    (folder / "inside.jsonl").symlink_to("sub/a.jsonl")
    (folder / "out.jsonl").symlink_to(outside / "secret.jsonl")
    (folder / "other").symlink_to(outside)
    (folder / "again").symlink_to("sub")
    return folder


@pytest.mark.parametrize("pattern", ["", "/*", "/**"])
def test_links_out_of_a_folder_are_not_followed(linked: Path, pattern: str) -> None:
    """Links to files and folders outside are left out and named; links within the folder are read."""
    source = f"{linked}{pattern}"
    read = {Path(file.uri).relative_to(linked).as_posix() for file in list_sources([source])}
    assert {"inside.jsonl", "sub/a.jsonl"} <= read
    assert not any("secret" in name or "out" in name for name in read)
    left = links_left_out([source])
    assert f"{linked}/out.jsonl" in left
    assert any(link.startswith(f"{linked}/other") for link in left)
    assert not any("again" in link or "inside" in link for link in left)


def test_a_link_that_is_named_itself_is_followed(linked: Path) -> None:
    """Whoever names a link means the file that it leads to; a folder that is a link is read as its own folder."""
    link = str(linked / "out.jsonl")
    assert [file.uri for file in list_sources([link])] == [link]
    assert [Path(file.uri).name for file in list_sources([str(linked / "other")])] == ["secret.jsonl"]
    assert links_left_out([link, str(linked / "other")]) == []


def test_a_folder_of_links_alone_says_why_it_holds_no_export(tmp_path: Path) -> None:
    """The message says that links lead out of the folder."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "x.jsonl").symlink_to("/etc/passwd")
    with pytest.raises(ConfigurationError, match="holds no export, and of its links 1 lead out of it"):
        list_sources([str(tmp_path / "exports")])
