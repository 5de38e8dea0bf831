"""The closed vocabularies: outcomes, statuses, kinds, codes and reasons, each word with its sentence."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of an accepted or rejected row; every row has exactly one."""

    NEW = "new"
    """The key was unknown."""
    DUPLICATE = "duplicate"
    """The key is held with the same content."""
    CORRECTED = "corrected"
    """The key is held with other content; the new version counts."""
    STALE = "stale"
    """Other content, but told earlier than the version held."""
    REJECTED = "rejected"
    """Set aside with one reason."""


class ImportStatus(StrEnum):
    """Where an import stands."""

    LOADING = "loading"
    """Chunks are being loaded; after a crash the same command goes on."""
    PUBLISHED = "published"
    """Its events count."""
    HELD = "held"
    """Loaded and computed, invisible until published."""
    FAILED = "failed"
    """Nothing of it was loaded; its rejections are kept."""
    REVERTED = "reverted"
    """Given up before it counted, or taken back."""
    UNCHANGED = "unchanged"
    """All its files were known already."""


class ImportKind(StrEnum):
    """What a row of the history did."""

    IMPORT = "import"
    ROLLUP = "rollup"


class RejectionCode(StrEnum):
    """One member per reason, in order of precedence."""

    MALFORMED_ROW = "malformed_row"
    MISSING_EVENT_NAME = "missing_event_name"
    MISSING_CUSTOMER = "missing_customer"
    CUSTOMER_NOT_FOUND = "customer_not_found"
    CUSTOMER_MISMATCH = "customer_mismatch"
    INVALID_TIMESTAMP = "invalid_timestamp"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"
    TIMESTAMP_TOO_OLD = "timestamp_too_old"
    MISSING_TIMESTAMP = "missing_timestamp"
    INVALID_PROPERTIES = "invalid_properties"
    INVALID_FIELD = "invalid_field"
    CONTRACT_NOT_FOUND = "contract_not_found"
    CONFLICT = "conflict"

    @property
    def sentence(self) -> str:
        """How the message of such a rejection starts; empty where the parser speaks, or the field's name begins it."""
        return _SENTENCES[self]


_SENTENCES = {
    RejectionCode.MALFORMED_ROW: "",
    RejectionCode.MISSING_EVENT_NAME: "eventName is required",
    RejectionCode.MISSING_CUSTOMER: "customerId or externalCustomerId is required",
    RejectionCode.CUSTOMER_NOT_FOUND: "Customer not found",
    RejectionCode.CUSTOMER_MISMATCH: "customerId and externalCustomerId name different customers",
    RejectionCode.INVALID_TIMESTAMP: "timestamp must be ISO 8601 with an offset",
    RejectionCode.TIMESTAMP_IN_FUTURE: "timestamp must not be more than 1 hour in the future",
    RejectionCode.TIMESTAMP_TOO_OLD: "timestamp is before",
    RejectionCode.MISSING_TIMESTAMP: "timestamp is required by the mapping",
    RejectionCode.INVALID_PROPERTIES: "properties must be an object of text, numbers and booleans",
    RejectionCode.INVALID_FIELD: "",
    RejectionCode.CONTRACT_NOT_FOUND: "Contract not found",
    RejectionCode.CONFLICT: "idempotencyKey is taken by another event",
}


class Unassigned(StrEnum):
    """Why an event counts on no line; the first that holds."""

    AMBIGUOUS_CONTRACT = "ambiguous_contract"
    """A matching meter is priced by several contracts that cover the event."""
    NO_CONTRACT = "no_contract"
    """The customer has no contract, or not the pinned one."""
    OUTSIDE_CONTRACT = "outside_contract"
    """No contract covers the timestamp."""
    NO_METER = "no_meter"
    """No covering contract prices a meter that matches."""
    PARTLY_AMBIGUOUS = "partly_ambiguous"
    """It counts on one meter, and is ambiguous for another."""


class Kind(StrEnum):
    """What a catalog consists of; the value is the word for one of them."""

    CUSTOMER = "customer"
    METER = "meter"
    PLAN = "plan"
    CONTRACT = "contract"


class Interval(StrEnum):
    """What a billing period is counted in."""

    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


class AggregationType(StrEnum):
    """How a meter makes one quantity of many events."""

    COUNT = "COUNT"
    SUM = "SUM"
    MAX = "MAX"
    MIN = "MIN"


class MeterStatus(StrEnum):
    """Whether a meter still counts new events."""

    ACTIVE = "active"
    INACTIVE = "inactive"
