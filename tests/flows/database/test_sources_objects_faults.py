"""Faults between us and the storage are retried; if they last, the import stops and can be resumed."""

import hashlib
import http.client
import http.server
import json
import os
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from flows.sources import object_file
from flows.sources.files import hash_source, list_sources
from schemas.errors import UsageImportError
from tests.flows.desk import CALLS, CLOCK, Desk, catalog_of, event
from tests.flows.object_storage import BUCKET, point_to, put


class Unreliable(http.server.BaseHTTPRequestHandler):
    """A proxy that answers some requests for a range with 503, or breaks off in the body."""

    behind: ClassVar[int]
    requests: ClassVar[int] = 0
    faults: ClassVar[dict[int, str]] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_range = "Range" in self.headers
        if is_range:
            Unreliable.requests += 1
        fault = self.faults.get(Unreliable.requests) if is_range else None
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
    Unreliable.behind, Unreliable.requests, Unreliable.faults = storage, 0, {}
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unreliable)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    point_to(proxy.server_address[1], monkeypatch)
    yield Unreliable
    proxy.shutdown()
    proxy.server_close()
    thread.join()


@pytest.mark.parametrize("fault", ["503", "broken"])
def test_passing_faults_do_not_show(
    s3: Any, unreliable: type[Unreliable], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Requests that fail or break off are sent again, and the bytes are whole."""
    monkeypatch.setattr(object_file, "RANGE_BYTES", 1000)
    body = random.Random(2).randbytes(10_000)
    put(s3, "x.jsonl", body=body)
    (file,) = list_sources([f"s3://{BUCKET}/x.jsonl"])
    unreliable.faults = {2: fault, 3: fault, 7: fault}
    assert hash_source(file) == (hashlib.sha256(body).hexdigest(), len(body))
    assert unreliable.requests == 13


def test_a_storage_that_keeps_failing_is_reported(
    s3: Any, unreliable: type[Unreliable], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some attempts reading stops with a message."""
    monkeypatch.setattr(object_file, "FIRST_PAUSE_SECONDS", 0.01)
    put(s3, "x.jsonl")
    (file,) = list_sources([f"s3://{BUCKET}/x.jsonl"])
    unreliable.faults = dict.fromkeys(range(100), "broken")
    with pytest.raises(UsageImportError, match=r"exports/x\.jsonl: the storage .*; run again"):
        hash_source(file)


def test_an_import_resumes_after_the_storage_failed(
    s3: Any, unreliable: type[Unreliable], desk: Desk
) -> None:
    """The chunks loaded before the fault stay, the import is unfinished, and the same command goes on from there."""
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
    assert desk.select("select status from imports where kind = 'import'") == [("loading",)]
    unreliable.faults = {}
    assert desk(*command, environment=environment).json["new"] == 2
    assert set(kept) < set(desk.select("select file_id, committed_at from chunks"))
