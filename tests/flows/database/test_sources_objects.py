"""Object storage over real HTTP: listed in pages, read in ranges, pinned to a version."""

import contextlib
import hashlib
import http.client
import http.server
import io
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import boto3  # type: ignore[import-untyped]  # it ships no types
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.sources import object_store
from flows.sources.files import hash_source, list_sources, open_source
from flows.sources.reading import read_chunks
from schemas.errors import UsageImportError
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event
from tests.ports import closed_port, free_port

EVENT = b'{"eventName":"a"}\n'
BUCKET = "exports"
SECRET = "a-secret-that-is-never-told"


@pytest.fixture(scope="module")
def storage() -> Iterator[int]:
    """The port of a server that speaks S3."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        else:
            pytest.fail("the S3 server does not come up")
        yield port
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def s3(storage: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the server, with an empty bucket; the environment points to the server."""
    point_to(storage, monkeypatch)
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{storage}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key=SECRET,
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
    client.delete_bucket(Bucket=BUCKET)
    client.close()
    object_store._store.cache_clear()


def point_to(port: int, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    object_store._store.cache_clear()
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in (settings | more).items():
        monkeypatch.setenv(name, value)


def put(s3: Any, *keys: str, body: bytes = EVENT) -> None:
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def listed(*sources: str) -> list[str]:
    return [file.uri.removeprefix(f"s3://{BUCKET}/") for file in list_sources(sources)]


def test_keys_prefixes_and_globs_are_listed(s3: Any) -> None:
    """Spaces, Unicode and brackets are what they are; hidden and foreign keys stay out; order is of the bytes."""
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
    """More than a page of a thousand object_store is listed whole, in order."""
    names = [f"many/{number:04}.jsonl" for number in range(1010)]
    put(s3, *names, body=b"")
    assert listed(f"s3://{BUCKET}/many/") == names


def test_an_object_is_read_in_ranges(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of several ranges, read front to back or here and there, are the object's."""
    monkeypatch.setattr(object_store, "RANGE_BYTES", 1000)
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
    """JSON lines and Parquet are read from there like from a disk."""
    monkeypatch.setattr(object_store, "RANGE_BYTES", 5000)
    out = io.BytesIO()
    pq.write_table(pa.table({"n": range(5000)}), out, row_group_size=1000)
    put(s3, "x.parquet", body=out.getvalue())
    put(s3, "x.jsonl", body=EVENT * 5000)
    for file in list_sources([f"s3://{BUCKET}/"]):
        with open_source(file) as stream:
            assert sum(len(chunk.positions) for chunk in read_chunks(stream, name=file.uri)) == 5000


def test_an_object_that_changes_while_it_is_read_is_refused(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions are never mixed, and a gone object is said to be gone."""
    monkeypatch.setattr(object_store, "RANGE_BYTES", 100)
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


def refusal(*sources: str) -> str:
    with pytest.raises(UsageImportError) as refused:
        list_sources(sources)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "; " in str(refused.value)
    return str(refused.value)


def test_what_is_not_there_is_said(s3: Any) -> None:
    """No such bucket, object, prefix or match: one line that names it, with the way out."""
    put(s3, "notes.txt")
    assert refusal("s3://nowhere/x").startswith("s3://nowhere/x: there is no such bucket; check its name")
    assert refusal("s3://nowhere/").startswith("s3://nowhere/: there is no such bucket")
    assert "there is no such object" in refusal(f"s3://{BUCKET}/x.jsonl")
    assert "no export below this prefix" in refusal(f"s3://{BUCKET}")
    assert "no object matches" in refusal(f"s3://{BUCKET}/*.csv")
    assert "doubled slashes" in refusal(f"s3://{BUCKET}/a//b.csv")


def test_an_endpoint_that_does_not_answer_is_said(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens, no name, no encryption, no credentials: told apart."""
    with closed_port() as port:
        point_to(port, monkeypatch)
        assert "the endpoint cannot be reached" in refusal(f"s3://{BUCKET}/")
        # What the user named is no reason, though it reads like one.
        assert "the endpoint cannot be reached" in refusal(f"s3://{BUCKET}/metadata/status code: 403.csv")
        assert "the endpoint cannot be reached" in refusal(f"s3://{BUCKET}/credentials/AccessDenied/*.csv")
    point_to(1, monkeypatch, AWS_ENDPOINT_URL="http://nowhere.invalid")
    assert "the endpoint cannot be reached" in refusal(f"s3://{BUCKET}/")
    point_to(1, monkeypatch, AWS_ALLOW_HTTP="false")
    assert "set AWS_ALLOW_HTTP=true" in refusal(f"s3://{BUCKET}/")
    point_to(1, monkeypatch)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "credentials" in refusal(f"s3://{BUCKET}/")


AZURE = {"AZURE_STORAGE_ACCOUNT_NAME": "account", "AZURE_STORAGE_ACCOUNT_KEY": "AAAA"}


@pytest.mark.parametrize(
    ("uri", "environment", "way_out"),
    [
        ("az://exports/x.jsonl", {}, "set AZURE_STORAGE_ACCOUNT_NAME"),
        ("az://exports/x.jsonl", AZURE | {"AZURE_STORAGE_ACCOUNT_NAME": "a b"}, "check AZURE_STORAGE_ACCOUNT_NAME"),
        ("az://exports/x.jsonl", AZURE | {"AZURE_STORAGE_ACCOUNT_KEY": "!"}, "check AZURE_STORAGE_ACCOUNT_KEY"),
        ("az://exports/x.jsonl", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_SAS_TOKEN": "!"}, "check AZURE_STORAGE_SAS_TOKEN"),
        ("az://exports/x.jsonl", AZURE | {"AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:{port}"}, "set AZURE_ALLOW_HTTP=true"),
        ("az://exports/x.jsonl", AZURE | {"AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:{port}", "AZURE_ALLOW_HTTP": "true"}, "check the network and AZURE_STORAGE_ENDPOINT"),
        ("az://exports/x.jsonl", AZURE | {"AZURE_STORAGE_ENDPOINT": "127.0.0.1:10000"}, "AZURE_STORAGE_ENDPOINT: '127.0.0.1:10000' is no address; tell it as http://"),
        ("gs://exports/x.jsonl", {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"}, "cannot be opened; check GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://exports/x.jsonl", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{}"}, "cannot be read; check GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://exports/x.jsonl", {"GOOGLE_BASE_URL": "http://127.0.0.1:{port}", "GOOGLE_SKIP_SIGNATURE": "true"}, "set GOOGLE_ALLOW_HTTP=true"),
        ("gs://exports/x.jsonl", {"GOOGLE_BASE_URL": "key:secret@storage:4443"}, "GOOGLE_BASE_URL: 'storage:4443' is no address"),
        ("s3://exports/x.jsonl", {"AWS_ENDPOINT_URL": "localhost:9000"}, "AWS_ENDPOINT_URL: 'localhost:9000' is no address"),
        ("s3://exports/x.jsonl", {"AWS_ENDPOINT_URL": "http://"}, "is no address"),
        ("s3://exports/x.jsonl", {"AWS_ENDPOINT": "http://host:port"}, "is no address"),
    ],
)  # fmt: skip
def test_each_storage_is_told_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, uri: str, environment: dict[str, str], way_out: str
) -> None:
    """The way out names the variable that this storage reads; an endpoint that the client would panic at is refused."""
    with closed_port() as port:
        point_to(port, monkeypatch)
        for name, value in environment.items():
            monkeypatch.setenv(name, value.replace("{port}", str(port)))
        said = refusal(uri)
    assert way_out in said
    object_store._store.cache_clear()


def test_google_storage_is_read(s3: Any, storage: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its client asks in the words of S3, which the server understands."""
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


class NoContainer(http.server.BaseHTTPRequestHandler):
    """Answers as Azure does of a container that does not exist."""

    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(
                b"<Error><Code>ContainerNotFound</Code><Message>it does not exist</Message></Error>"
            )

    do_HEAD = do_GET  # noqa: N815 - the framework's name

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def test_a_container_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure calls no bucket a bucket."""
    with http.server.HTTPServer(("127.0.0.1", 0), NoContainer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        point_to(1, monkeypatch, **AZURE)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/account")
        monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
        said = refusal("az://exports/x.jsonl")
        server.shutdown()
    assert said == "az://exports/x.jsonl: there is no such container; check its name"
    object_store._store.cache_clear()


def test_a_public_bucket_needs_no_credentials(s3: Any, storage: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_SKIP_SIGNATURE reads without any."""
    put(s3, "x.jsonl")
    point_to(storage, monkeypatch, AWS_SKIP_SIGNATURE="true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert listed(f"s3://{BUCKET}/") == ["x.jsonl"]


class Unreliable(http.server.BaseHTTPRequestHandler):
    """Stands before the server; answers some requests for bytes with 503, or breaks off in the body."""

    behind: ClassVar[int]
    asked: ClassVar[int] = 0
    faults: ClassVar[dict[int, str]] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_range = "Range" in self.headers
        if is_range:
            Unreliable.asked += 1
        fault = self.faults.get(Unreliable.asked) if is_range else None
        if fault == "503":
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        server = http.client.HTTPConnection("127.0.0.1", self.behind)
        server.request(self.command, self.path, headers=dict(self.headers))
        answer = server.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "date", "server"}:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if fault == "broken" else body)
        if fault == "broken":
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        server.close()

    do_HEAD = do_GET  # noqa: N815 - the framework's name

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def unreliable(s3: Any, storage: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Unreliable]]:
    """A proxy before the server; the environment points to it."""
    Unreliable.behind, Unreliable.asked, Unreliable.faults = storage, 0, {}
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unreliable)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    point_to(proxy.server_address[1], monkeypatch)
    yield Unreliable
    proxy.shutdown()
    proxy.server_close()
    thread.join()


@pytest.mark.parametrize("fault", ["503", "broken"])
def test_faults_on_the_way_do_not_show(
    s3: Any, unreliable: type[Unreliable], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Errors of the server and bodies that break off are asked for again; the bytes are whole."""
    monkeypatch.setattr(object_store, "RANGE_BYTES", 1000)
    body = random.Random(2).randbytes(10_000)
    put(s3, "x.jsonl", body=body)
    (file,) = list_sources([f"s3://{BUCKET}/x.jsonl"])
    unreliable.faults = {2: fault, 3: fault, 7: fault}
    assert hash_source(file) == (hashlib.sha256(body).hexdigest(), len(body))
    assert unreliable.asked == 13


def test_a_storage_that_keeps_failing_is_said(
    s3: Any, unreliable: type[Unreliable], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some attempts the import gives up, and says so."""
    monkeypatch.setattr(object_store, "FIRST_PAUSE_SECONDS", 0.01)
    put(s3, "x.jsonl")
    (file,) = list_sources([f"s3://{BUCKET}/x.jsonl"])
    unreliable.faults = dict.fromkeys(range(100), "broken")
    with pytest.raises(UsageImportError, match=r"exports/x\.jsonl: the storage .*; run again"):
        hash_source(file)


def test_a_storage_that_fails_in_the_middle_costs_only_what_was_not_loaded(
    s3: Any, unreliable: type[Unreliable], desk: Desk
) -> None:
    """What was loaded before stays, the import is unfinished, and the same command goes on from there."""
    desk.catalog(catalog_of(CALLS))
    for name in ("a", "b"):
        put(s3, f"{name}.jsonl", body=json.dumps(event(idempotencyKey=name)).encode())
    environment = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    command = ["run", f"s3://{BUCKET}/", "--clock", CLOCK, "--json"]
    hashed_and_one_loaded = 3
    unreliable.faults = dict.fromkeys(range(hashed_and_one_loaded + 1, 100), "broken")
    failed = desk(*command, exit_code=1, environment=environment | {"USAGE_IMPORT_WORKERS": "1"})
    assert "b.jsonl: the storage" in failed.err.splitlines()[-1]
    kept = desk.select("select file_id, committed_at from chunks")
    assert len(kept) == 1
    assert desk.select("select status from imports") == [("loading",)]
    unreliable.faults = {}
    assert desk(*command, environment=environment).json["new"] == 2
    assert set(kept) < set(desk.select("select file_id, committed_at from chunks"))
