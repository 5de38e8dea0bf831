"""Paths, folders, globs and standard input stand for files, in an order that never changes."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.sources.files import Source, hash_source, list_sources, open_source
from schemas.errors import ConfigurationError, UsageImportError

EVENT = b'{"eventName":"a"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of exports and of other files."""
    for name in [
        "b.jsonl",
        "a.csv",
        "Z.JSON",
        "é.csv.gz",
        "sub/c.parquet",
        "sub/.hidden.jsonl",
        ".git/d.jsonl",
        "notes.txt",
        "a b.ndjson.zst",
        "[x].jsonl",
    ]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(EVENT)
    return tmp_path


def listed(folder: Path, *sources: str) -> list[str]:
    return [Path(file.uri).relative_to(folder).as_posix() for file in list_sources(sources)]


def test_a_folder_stands_for_its_exports_by_the_bytes_of_their_path(folder: Path) -> None:
    """Files of known endings are found, below the folder too, without hidden ones; capital letters come before small ones."""
    assert listed(folder, str(folder)) == [
        "Z.JSON",
        "[x].jsonl",
        "a b.ndjson.zst",
        "a.csv",
        "b.jsonl",
        "sub/c.parquet",
        "é.csv.gz",
    ]


@pytest.mark.parametrize("source", ["gg/*", "./gg/*", "gg", "./gg/", "./gg/**", "gg//*"])
def test_the_order_does_not_depend_on_the_spelling_of_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """A later file stays the later one in every spelling, and no file is listed twice."""
    monkeypatch.chdir(tmp_path)
    for name in ("gg/2026-01/01.jsonl", "gg/corrections.jsonl"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(EVENT)
    assert [file.uri for file in list_sources([source])] == ["gg/2026-01/01.jsonl", "gg/corrections.jsonl"]


def test_sources_keep_the_order_given(folder: Path) -> None:
    """Only the files of one source are sorted."""
    names = [str(folder / "b.jsonl"), str(folder / "notes.txt"), str(folder / "a*")]
    assert listed(folder, *names) == ["b.jsonl", "notes.txt", "a b.ndjson.zst", "a.csv"]


def test_a_glob_takes_folders_as_their_exports(folder: Path) -> None:
    """A folder that matches stands for its files, and each file is listed once."""
    assert listed(folder, str(folder / "su*")) == ["sub/c.parquet"]
    assert listed(folder, str(folder / "**" / "*.parquet")) == ["sub/c.parquet"]
    assert listed(folder, str(folder / "[x].jsonl")) == ["[x].jsonl"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.jsonl", "there is no such file or folder"),
        ("no*.jsonl", "no file matches"),
        ("empty", "the folder holds no export"),
        ("dangling.jsonl", "no such file"),
        ("ftp://host/x", "nothing is read from ftp://"),
        ("s3://", "the bucket is missing"),
        ("bad\x1b[0m.jsonl", "bad\\x1b[0m.jsonl: no file matches"),
    ],
)
def test_a_source_without_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    """The message names the source and the way out, on one line."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "dangling.jsonl").symlink_to("nothing")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageImportError) as refused:
        list_sources([source])
    assert message in str(refused.value)
    assert "; " in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A name that is not UTF-8 is refused, since it could not be stored or printed."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")).write_bytes(EVENT)
    with pytest.raises(UsageImportError, match="the name is not UTF-8"):
        list_sources([str(tmp_path)])


def test_a_source_is_identified_by_its_bytes(folder: Path) -> None:
    """The hash and the size are those of the bytes as stored."""
    (file,) = list_sources([str(folder / "b.jsonl")])
    assert file.size == len(EVENT)
    assert hash_source(file) == (hashlib.sha256(EVENT).hexdigest(), len(EVENT))
    with open_source(file) as stream:
        assert stream.read() == EVENT
        assert stream.seekable()


def test_a_file_that_changed_since_it_was_listed_is_refused(folder: Path) -> None:
    """Opening raises an error if the bytes are no longer those that were listed."""
    (file,) = list_sources([str(folder / "b.jsonl")])
    (folder / "b.jsonl").write_bytes(EVENT * 2)
    with pytest.raises(UsageImportError, match=r"b\.jsonl: the file changed while it was read"):
        hash_source(file)


def test_a_file_that_changes_while_it_is_read_is_refused(folder: Path) -> None:
    """Reading a file that grows meanwhile raises an error at its end."""
    path = folder / "b.jsonl"
    path.write_bytes(EVENT * 1000)
    (file,) = list_sources([str(path)])
    with open_source(file) as stream:
        assert stream.read(10)
        with path.open("ab") as out:
            out.write(EVENT)
        while stream.tell() < 1001 * len(EVENT):
            stream.read(1000)
        with pytest.raises(UsageImportError, match="changed while it was read"):
            stream.read(1000)


def test_errors_of_the_caller_pass_unchanged(folder: Path) -> None:
    """An OSError raised in the block while a file is open is not reported as an error of the file."""
    (file,) = list_sources([str(folder / "b.jsonl")])
    with pytest.raises(ConnectionResetError), open_source(file):
        raise ConnectionResetError


SCRIPT = """
import sys
from flows.sources.files import hash_source, list_sources, open_source
(file,) = list_sources([sys.argv[1]])
print(*hash_source(file))
with open_source(file) as stream:
    print(len(stream.read()), stream.seekable())
"""


@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_standard_input_is_read_once_and_can_be_read_again(source: str) -> None:
    """A pipe is copied, so that it can be hashed and then read."""
    text = EVENT * 100_000
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, source], input=text, capture_output=True, check=True
    )
    digest = hashlib.sha256(text).hexdigest()
    assert ended.stdout.decode().split() == [digest, str(len(text)), str(len(text)), "True"]


def test_a_file_without_permission_is_refused(folder: Path) -> None:
    """Missing permission is reported as such, for a file and for a folder above it."""
    (folder / "b.jsonl").chmod(0)
    (folder / "sub").chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        for source in ["b.jsonl", "sub", "sub/c.parquet"]:
            with pytest.raises(
                UsageImportError, match="permission denied; check the file and its permissions"
            ):
                list_sources([str(folder / source)])
    finally:
        if is_root:
            os.seteuid(0)
        (folder / "sub").chmod(0o700)


def test_wrong_usage_differs_from_failure(tmp_path: Path) -> None:
    """A source without files is wrong usage; a file that is gone is a failure."""
    with pytest.raises(ConfigurationError):
        list_sources([str(tmp_path / "nothing")])
    gone = Source(str(tmp_path / "gone.jsonl"), 1, "1-1-1")
    with pytest.raises(UsageImportError, match="no such file or directory"):
        hash_source(gone)
