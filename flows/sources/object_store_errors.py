"""Describe the kinds of object storage: the environment variables that each reads, and the meaning of its errors."""

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flows.sources.reading import names
from schemas.errors import ConfigurationError


@dataclass(frozen=True)
class Storage:
    """A kind of storage: its word for a bucket, and the environment variables of its client.

    endpoints: the variables of its address; messages name the first.
    plain: the variable that allows connections without encryption.
    public: the variable that allows requests without credentials.
    """

    bucket: str
    endpoints: tuple[str, ...]
    plain: str
    public: str


STORAGES: Final = {
    "s3": Storage(
        bucket="bucket",
        endpoints=("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3"),
        plain="AWS_ALLOW_HTTP",
        public="AWS_SKIP_SIGNATURE",
    ),
    "gs": Storage(
        bucket="bucket",
        endpoints=("GOOGLE_BASE_URL",),
        plain="GOOGLE_ALLOW_HTTP",
        public="GOOGLE_SKIP_SIGNATURE",
    ),
    "az": Storage(
        bucket="container",
        endpoints=("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
        plain="AZURE_ALLOW_HTTP",
        public="AZURE_SKIP_SIGNATURE",
    ),
}
"""The kinds of storage by the scheme of their URLs."""

MISSING = "there is no such {bucket}; check its name"
CREDENTIALS = (
    "there are no credentials; set them in the environment, or {public}=true where the {bucket} is public"
)
UNREACHABLE = "the endpoint cannot be reached; check the network and {endpoint}"
REFUSED = "the storage refuses access; check the credentials in the environment and what they may read"

REASONS: Final = {
    "NoSuchBucket": MISSING,
    "ContainerNotFound": MISSING,
    "://169.254.": CREDENTIALS,
    "://metadata.": CREDENTIALS,
    "MissingAccessKeyId": CREDENTIALS,
    "MissingSecretAccessKey": CREDENTIALS,
    "InvalidAccessKeyId": "the storage does not know the access key; check the credentials in the environment",
    "SignatureDoesNotMatch": "the storage refuses the secret key; check the credentials in the environment",
    "AccessDenied": REFUSED,
    "PublicAccessNotPermitted": REFUSED,
    "status code: 403": REFUSED,
    "status code: 401": REFUSED,
    "Unable to open service account": "the file of the service account cannot be opened; check GOOGLE_APPLICATION_CREDENTIALS",
    "Unable to decode service account": "the service account cannot be read; check GOOGLE_APPLICATION_CREDENTIALS",
    "Invalid Access Key:": "the access key cannot be read; check AZURE_STORAGE_ACCOUNT_KEY",
    "SAS query": "the shared access signature cannot be read; check AZURE_STORAGE_SAS_TOKEN",
    "credential": CREDENTIALS,
    "Account must be specified": "the storage account is not known; set AZURE_STORAGE_ACCOUNT_NAME",
    "Unable parse source url": "no address can be made of the account's name; check AZURE_STORAGE_ACCOUNT_NAME",
    "builder error": "the endpoint is not encrypted; set {plain}=true to use it nevertheless",
    "dns error": UNREACHABLE,
    "Connection refused": UNREACHABLE,
    "tcp connect": UNREACHABLE,
    "error sending request": UNREACHABLE,
    "timed out": "the storage does not answer in time; run again",
    "retries": "the storage keeps failing; run again later",
}
"""The reason to print, by a mark in the client's own text. That text itself is not printed: it can hold signed URLs."""

NAMED: Final = re.compile(
    r"(?<=://)(?!169\.254\.|metadata\.)\S*|(?<= for path ).*?(?=: error performing|$)|(?<=path: \").*|(?<=<)(?!code>)\w+>[^<]*",
    re.MULTILINE,
)
"""The names in a client's text: URLs (except those of credential services), keys, and all of an answer but its code.

They are removed before the marks are looked for, because a name can read like a reason.
"""


def storage_of(uri: str) -> Storage:
    """Return the kind of storage that a URL belongs to."""
    return STORAGES[uri.partition(":")[0]]


def reason_of(error: BaseException, storage: Storage) -> str:
    """Return why a storage failed, and the way out, as the end of an error message."""
    text = NAMED.sub("", str(error).lower())
    reason = next(
        (reason for mark, reason in REASONS.items() if mark.lower() in text), "the storage fails; run again"
    )
    return reason.format(
        bucket=storage.bucket, endpoint=storage.endpoints[0], plain=storage.plain, public=storage.public
    )


def check_endpoint(storage: Storage) -> None:
    """Raise ConfigurationError if the environment sets an endpoint that is no address, at which the client would panic."""
    for name in storage.endpoints:
        endpoint = os.environ.get(name)
        if endpoint and not _is_address(endpoint):
            raise ConfigurationError(
                f"{name}: '{names.printable(endpoint.rpartition('@')[2])}' is no address; set it to http://host:port or https://host"
            )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_plain_allowed(storage: Storage) -> bool:
    """Return whether the environment allows connections without encryption."""
    return os.environ.get(storage.plain, "").lower() in {"1", "true", "yes", "on"}
