"""Storages: the kinds of object storage, what each reads from the environment, and what its errors mean."""

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flows.sources.reading import names
from schemas.errors import ConfigurationError


@dataclass(frozen=True)
class Storage:
    """A kind of storage: what it calls a bucket, and the variables that say where it is and how it is asked.

    endpoints: of its address, the first the one to tell. plain: whether it may be asked without encryption. public: whether
    without credentials.
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
"""By the scheme of their addresses."""

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
"""What in the client's own text stands for what; the text itself can hold addresses with signatures."""

NAMED: Final = re.compile(
    r"(?<=://)(?!169\.254\.|metadata\.)\S*|(?<= for path ).*?(?=: error performing|$)|(?<=path: \").*|(?<=<)(?!code>)\w+>[^<]*",
    re.MULTILINE,
)
"""What a text names: addresses but those asked for credentials, keys, all of an answer but its code. Names say no reason."""


def storage_of(uri: str) -> Storage:
    """The kind of storage that an address is of."""
    return STORAGES[uri.partition(":")[0]]


def reason_of(error: BaseException, storage: Storage) -> str:
    """Why a storage failed, and the way out."""
    text = NAMED.sub("", str(error).lower())
    reason = next(
        (reason for mark, reason in REASONS.items() if mark.lower() in text), "the storage fails; run again"
    )
    return reason.format(
        bucket=storage.bucket, endpoint=storage.endpoints[0], plain=storage.plain, public=storage.public
    )


def check_endpoint(storage: Storage) -> None:
    """Raise ConfigurationError where the environment tells an endpoint that is no address; the client panics at it."""
    for name in storage.endpoints:
        told = os.environ.get(name)
        if told and not _is_address(told):
            raise ConfigurationError(
                f"{name}: '{names.printable(told.rpartition('@')[2])}' is no address; tell it as http://host:port or https://host"
            )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_plain_allowed(storage: Storage) -> bool:
    """Whether the environment allows endpoints without encryption."""
    return os.environ.get(storage.plain, "").lower() in {"1", "true", "yes", "on"}
