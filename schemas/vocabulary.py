"""The closed vocabularies: outcomes, statuses, kinds, codes and reasons, each member with its sentence."""

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a row; every row of a file has exactly one."""

    NEW = "new"
    """The key was unknown."""
    DUPLICATE = "duplicate"
    """The key is known with the same content."""
    CORRECTED = "corrected"
    """The key is known with other content; this version counts, and the known one is kept."""
    STALE = "stale"
    """The key is known with other content that has the higher place or version; this version does not count, and is kept."""
    REJECTED = "rejected"
    """The row broke a rule; it is kept with one reason."""


class ImportStatus(StrEnum):
    """The status of an import."""

    LOADING = "loading"
    """Its rows are being loaded; after a crash the same command resumes it."""
    UNFINISHED = "unfinished"
    """It was loading when its run ended; the same command resumes it. It is stored as loading."""
    PUBLISHED = "published"
    """Its events count."""
    HELD = "held"
    """It is loaded and computed, and invisible until it is published."""
    FAILED = "failed"
    """No event of it was loaded; its rejections are kept."""
    REVERTED = "reverted"
    """It was aborted before it counted, or taken back afterwards."""
    UNCHANGED = "unchanged"
    """All its files were known already, and none was read."""


class ImportKind(StrEnum):
    """The kind of run that a row of the history is."""

    IMPORT = "import"
    """It read files."""
    ROLLUP = "rollup"
    """It moved the clock without reading files."""
    CATALOG = "catalog"
    """It loaded a catalog."""
    SETTINGS = "settings"
    """It changed a setting that changes numbers."""


class RejectionCode(StrEnum):
    """The reasons of a rejection, in order of precedence; ``sentence`` says what each means."""

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
        """The start of the rejection's message; empty if the message is the parser's or starts with a field's name."""
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
    """The reasons why an event counts on no line; the first that holds is the event's."""

    AMBIGUOUS_CONTRACT = "ambiguous_contract"
    """A matching meter is priced by several contracts that cover the event."""
    NO_CONTRACT = "no_contract"
    """The customer has no contract, or not the pinned one."""
    OUTSIDE_CONTRACT = "outside_contract"
    """No contract covers the timestamp."""
    NO_METER = "no_meter"
    """No covering contract prices a matching meter."""
    PARTLY_AMBIGUOUS = "partly_ambiguous"
    """The event counts on one meter and is ambiguous for another."""


class Kind(StrEnum):
    """The kinds of things in a catalog; the value is the word for one of them."""

    CUSTOMER = "customer"
    """A payer of usage, to whom events belong."""
    METER = "meter"
    """A rule that aggregates events to a quantity."""
    PLAN = "plan"
    """A list of pricings."""
    CONTRACT = "contract"
    """A customer's plan, from one day to another."""


class Interval(StrEnum):
    """The units of a billing period."""

    WEEK = "WEEK"
    """Seven days."""
    MONTH = "MONTH"
    """A month of the calendar, from the anchor's day."""
    YEAR = "YEAR"
    """A year of the calendar, from the anchor's date."""


class AggregationType(StrEnum):
    """The ways in which a meter computes one quantity from many events."""

    COUNT = "COUNT"
    """The number of events."""
    SUM = "SUM"
    """The sum of a property; 0 if there is no value."""
    MAX = "MAX"
    """The greatest value of a property; null if there is none."""
    MIN = "MIN"
    """The least value of a property; null if there is none."""


class MeterStatus(StrEnum):
    """The status of a meter."""

    ACTIVE = "active"
    """It counts events of every date."""
    INACTIVE = "inactive"
    """It counts only events dated before it became inactive."""


class LineStatus(StrEnum):
    """The status of a usage line; the first that holds."""

    WITHDRAWN = "withdrawn"
    """The line no longer exists; its last revision says so."""
    UNSUPPORTED = "unsupported"
    """The meter cannot be computed yet."""
    DUE = "due"
    """The period is over."""
    OPEN = "open"
    """The period is not over."""


class LineKind(StrEnum):
    """The kind of a usage line."""

    USAGE = "usage"
    """Usage of its own period."""
