"""Why a row is set aside: the closed vocabulary of codes, in the order in which the first that applies wins."""

from enum import StrEnum


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
