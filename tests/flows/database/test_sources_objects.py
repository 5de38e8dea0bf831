"""Objects are listed in pages, read in ranges, and always the version that was listed."""

import hashlib
import io
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.sources import object_file
from flows.sources.files import hash_source, list_sources, open_source
from flows.sources.reading import read_chunks
from schemas.errors import UsageImportError
from tests.flows.object_storage import BUCKET, EVENT, listed, point_to, put, refusal


def test_keys_prefixes_and_globs_are_listed(s3: Any) -> None:
    """Spaces, Unicode and brackets are taken literally; hidden and foreign keys stay out; keys are ordered by bytes."""
    put(s3, "a b/ü.jsonl", "dt=2026-01-02/x.jsonl", "dt=2026-01-01/x.jsonl", "dt=2026-01-01/_SUCCESS")
    put(s3, "dt=2026-01-02/.hid.jsonl", "notes.txt", "[x].csv", "p%20q.csv", "dt=2026-01-011/Y.CSV.gz")
    everything = [
        "[x].csv",
        "a b/ü.jsonl",
        "dt=2026-01-01/x.jsonl",
        "dt=2026-01-011/Y.CSV.gz",
        "dt=2026-01-02/x.jsonl",
        "p%20q.csv",
    ]
    assert listed(f"s3://{BUCKET}") == everything
    assert listed(f"s3://{BUCKET}/") == everything
    assert listed(f"s3://{BUCKET}/dt=2026-01-01") == ["dt=2026-01-01/x.jsonl"]
    assert listed(f"s3://{BUCKET}/a b/") == ["a b/ü.jsonl"]
    assert listed(f"s3://{BUCKET}/p%20q.csv", f"s3://{BUCKET}/[x].csv") == ["p%20q.csv", "[x].csv"]
    assert listed(f"s3://{BUCKET}/notes.txt") == ["notes.txt"]
    assert listed(f"s3://{BUCKET}/dt=*/x.jsonl") == ["dt=2026-01-01/x.jsonl", "dt=2026-01-02/x.jsonl"]
    assert listed(f"s3://{BUCKET}/dt=2026-01-0?") == ["dt=2026-01-01/x.jsonl", "dt=2026-01-02/x.jsonl"]
    assert listed(f"s3://{BUCKET}/**/[!Y].jsonl") == ["a b/ü.jsonl", *listed(f"s3://{BUCKET}/dt=*/x.jsonl")]


def test_a_listing_has_many_pages(s3: Any) -> None:
    """More than one page of a thousand objects is listed completely and in order."""
    names = [f"many/{number:04}.jsonl" for number in range(1010)]
    put(s3, *names, body=b"")
    assert listed(f"s3://{BUCKET}/many/") == names


def test_an_object_is_read_in_ranges(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are those of the object, whether read front to back or at any offset."""
    monkeypatch.setattr(object_file, "RANGE_BYTES", 1000)
    body = random.Random(1).randbytes(12_345)
    put(s3, "x.jsonl", body=body)
    (file,) = list_sources([f"s3://{BUCKET}/x.jsonl"])
    assert file.size == len(body)
    assert hash_source(file) == (hashlib.sha256(body).hexdigest(), len(body))
    with open_source(file) as stream:
        assert stream.read(10) == body[:10]
        assert stream.seek(-5, io.SEEK_END) == len(body) - 5
        assert stream.read() == body[-5:]
        assert stream.read(1) == b""
        stream.seek(990)
        assert stream.read(2030) == body[990:3020]
        assert stream.tell() == 3020


def test_rows_come_from_object_storage(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON lines and Parquet are read from object storage like from a disk."""
    monkeypatch.setattr(object_file, "RANGE_BYTES", 5000)
    out = io.BytesIO()
    pq.write_table(pa.table({"n": range(5000)}), out, row_group_size=1000)
    put(s3, "x.parquet", body=out.getvalue())
    put(s3, "x.jsonl", body=EVENT * 5000)
    for file in list_sources([f"s3://{BUCKET}/"]):
        with open_source(file) as stream:
            assert sum(len(chunk.positions) for chunk in read_chunks(stream, name=file.uri)) == 5000


def test_an_object_that_changes_while_it_is_read_is_refused(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions are never mixed, and a deleted object is reported as gone."""
    monkeypatch.setattr(object_file, "RANGE_BYTES", 100)
    put(s3, "x.jsonl", body=EVENT * 100)
    (file,) = list_sources([f"s3://{BUCKET}/x.jsonl"])
    with open_source(file) as stream:
        assert stream.read(50) == (EVENT * 100)[:50]
        put(s3, "x.jsonl", body=EVENT.upper() * 100)
        with pytest.raises(UsageImportError, match=r"exports/x\.jsonl: the object changed while it was read"):
            stream.read()
    s3.delete_object(Bucket=BUCKET, Key="x.jsonl")
    with pytest.raises(UsageImportError, match="the object is gone"):
        hash_source(file)


def test_google_storage_is_read(s3: Any, storage: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects of gs:// are listed and read; the server understands the requests of Google's client."""
    put(s3, "nightly/x.jsonl", body=EVENT * 5)
    s3.put_object_acl(Bucket=BUCKET, Key="nightly/x.jsonl", ACL="public-read")
    monkeypatch.setenv("GOOGLE_BASE_URL", f"http://127.0.0.1:{storage}")
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    (file,) = list_sources([f"gs://{BUCKET}/nightly/"])
    assert (file.uri, file.size) == (f"gs://{BUCKET}/nightly/x.jsonl", len(EVENT) * 5)
    with open_source(file) as stream:
        assert stream.read() == EVENT * 5
    assert refusal("gs://nowhere/x.jsonl").endswith("there is no such bucket; check its name")


def test_a_public_bucket_needs_no_credentials(s3: Any, storage: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With AWS_SKIP_SIGNATURE a public bucket is read without credentials."""
    put(s3, "x.jsonl")
    point_to(storage, monkeypatch, AWS_SKIP_SIGNATURE="true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert listed(f"s3://{BUCKET}/") == ["x.jsonl"]
