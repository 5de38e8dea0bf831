"""Objects that cannot be listed are refused in one line that names the cause and the way out, without secrets."""

import http.server
import threading
from typing import Any

import pytest

from flows.sources import object_store
from tests.flows.object_storage import BUCKET, point_to, put, refusal
from tests.ports import closed_port


def test_a_missing_bucket_object_or_match_is_refused(s3: Any) -> None:
    """The message names the bucket, object, prefix or pattern, and the way out."""
    put(s3, "notes.txt")
    assert refusal("s3://nowhere/x").startswith("s3://nowhere/x: there is no such bucket; check its name")
    assert refusal("s3://nowhere/").startswith("s3://nowhere/: there is no such bucket")
    assert "there is no such object" in refusal(f"s3://{BUCKET}/x.jsonl")
    assert "no export below this prefix" in refusal(f"s3://{BUCKET}")
    assert "no object matches" in refusal(f"s3://{BUCKET}/*.csv")
    assert "doubled slashes" in refusal(f"s3://{BUCKET}/a//b.csv")


def test_an_endpoint_that_does_not_answer_is_refused(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port, an unknown host, missing encryption and missing credentials each have their own message."""
    with closed_port() as port:
        point_to(port, monkeypatch)
        assert "the endpoint cannot be reached" in refusal(f"s3://{BUCKET}/")
        # A key is no reason, even if it reads like one.
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
        ("az://exports/x.jsonl", AZURE | {"AZURE_STORAGE_ENDPOINT": "127.0.0.1:10000"}, "AZURE_STORAGE_ENDPOINT: '127.0.0.1:10000' is no address; set it to http://"),
        ("gs://exports/x.jsonl", {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"}, "cannot be opened; check GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://exports/x.jsonl", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{}"}, "cannot be read; check GOOGLE_APPLICATION_CREDENTIALS"),
        ("gs://exports/x.jsonl", {"GOOGLE_BASE_URL": "http://127.0.0.1:{port}", "GOOGLE_SKIP_SIGNATURE": "true"}, "set GOOGLE_ALLOW_HTTP=true"),
        ("gs://exports/x.jsonl", {"GOOGLE_BASE_URL": "key:secret@storage:4443"}, "GOOGLE_BASE_URL: 'storage:4443' is no address"),
        ("s3://exports/x.jsonl", {"AWS_ENDPOINT_URL": "localhost:9000"}, "AWS_ENDPOINT_URL: 'localhost:9000' is no address"),
        ("s3://exports/x.jsonl", {"AWS_ENDPOINT_URL": "http://"}, "is no address"),
        ("s3://exports/x.jsonl", {"AWS_ENDPOINT": "http://host:port"}, "is no address"),
    ],
)  # fmt: skip
def test_each_storage_is_refused_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, uri: str, environment: dict[str, str], way_out: str
) -> None:
    """The way out names the variable that this storage reads; an endpoint at which the client would panic is refused."""
    with closed_port() as port:
        point_to(port, monkeypatch)
        for name, value in environment.items():
            monkeypatch.setenv(name, value.replace("{port}", str(port)))
        message = refusal(uri)
    assert way_out in message
    object_store.store_of.cache_clear()


class NoContainer(http.server.BaseHTTPRequestHandler):
    """A server that answers like Azure for a container that does not exist."""

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


def test_a_missing_container_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message calls the bucket of Azure a container."""
    with http.server.HTTPServer(("127.0.0.1", 0), NoContainer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        point_to(1, monkeypatch, **AZURE)
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/account")
        monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
        message = refusal("az://exports/x.jsonl")
        server.shutdown()
    assert message == "az://exports/x.jsonl: there is no such container; check its name"
    object_store.store_of.cache_clear()
