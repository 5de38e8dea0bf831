"""The catalog: customers, meters, plans with their pricing, and contracts, in the JSON shapes of the API.

Numbers are int or Decimal, never binary. Null and the empty text are absent for every field that is named here. Other
members are kept as they are; ``KEPT_MEMBERS`` lists those that are expected.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StrictBool,
    StrictStr,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from schemas.vocabulary import AggregationType, Interval, Kind, MeterStatus

INTEGER_MAX: Final = 2_147_483_647

USAGE: Final = "USAGE"
"""The pricing model that carries usage."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_DAY_OF_MONTH = re.compile("0?[1-9]|[12][0-9]|3[01]")

_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))? ?"
    r"(?:[Zz]|UTC|([+-])([0-9]{2})(?::?([0-5][0-9]))?)"
)


def _plain_number(value: object) -> object:
    """Return a whole number as an int; truth values and texts are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or int(value) != value:
        raise PydanticCustomError("whole_number", "must be a whole number")
    return int(value)


def _scalar(value: object) -> object:
    if isinstance(value, str | int | Decimal):
        return value
    raise PydanticCustomError("scalar", "must be text, a number or a truth value")


def _date(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("date", "must be a date YYYY-MM-DD")


def _anchor(value: object) -> str:
    text = str(value) if isinstance(value, str | int) else str(_plain_number(value))
    if _DATE.fullmatch(text):
        return _date(text).isoformat()
    if _DAY_OF_MONTH.fullmatch(text):
        return str(int(text))
    raise PydanticCustomError("anchor", "must be a date YYYY-MM-DD or a day of month 1 to 31")


def _instant(value: object) -> datetime:
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is not None:
        day, time, fraction, sign, hours, minutes = found.groups(default="")
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        try:
            local = datetime.fromisoformat(f"{day}T{time}.{fraction[:6]:0<6}")
            return local.replace(tzinfo=timezone(-offset if sign == "-" else offset)).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("instant", "must be ISO 8601 with an offset")


Id = Annotated[StrictStr, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]

Scalar = Annotated[str | int | Decimal | bool, PlainValidator(_scalar)]

Day = Annotated[date, PlainValidator(_date)]

AnchorText = Annotated[str, PlainValidator(_anchor)]

Instant = Annotated[datetime, PlainValidator(_instant)]

WholeNumber = Annotated[int, BeforeValidator(_plain_number), Field(ge=1, le=INTEGER_MAX)]


class _Document(BaseModel):
    """A document, with the fields that are not named here."""

    model_config = ConfigDict(
        frozen=True, extra="allow", alias_generator=to_camel, serialize_by_alias=True, protected_namespaces=()
    )

    @model_validator(mode="before")
    @classmethod
    def _without_absent(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not (None in content.values() or "" in content.values()):
            return content
        named = {field.alias for field in cls.model_fields.values()}
        return {
            name: value for name, value in content.items() if name not in named or value not in (None, "")
        }


class Customer(_Document):
    """A customer, who is charged; ``externalCustomerId`` may stand in ``metadata`` instead."""

    id: Id
    name: StrictStr | None = None
    external_customer_id: Id | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_id_from_metadata(cls, content: Any) -> Any:
        metadata = content.get("metadata") if isinstance(content, dict) else None
        external_id = metadata.get("externalCustomerId") if isinstance(metadata, dict) else None
        if external_id in (None, ""):
            return content
        if content.get("externalCustomerId") not in (None, "", external_id):
            raise PydanticCustomError("two_ids", "externalCustomerId and metadata.externalCustomerId differ")
        return {**content, "externalCustomerId": external_id}


class EventTypeFilter(_Document):
    """The event names that a meter counts: those included, or all, less those excluded."""

    model_config = ConfigDict(extra="forbid")

    include: tuple[Id, ...] | None = Field(None, min_length=1)
    exclude: tuple[Id, ...] = ()


class PropertyFilter(_Document):
    """The conditions on a property; they are ANDed, and there is at least one."""

    model_config = ConfigDict(extra="forbid")

    name: StrictStr
    exists: StrictBool | None = None
    include: tuple[Scalar, ...] | None = Field(None, min_length=1)
    exclude: tuple[Scalar, ...] | None = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> "PropertyFilter":
        if self.exists is None and self.include is None and self.exclude is None:
            raise PydanticCustomError("filter", "needs one of exists, include, exclude")
        return self


class Meter(_Document):
    """A meter: the events that it counts, and how it aggregates them."""

    id: Id
    code: Id
    display_name: StrictStr | None = None
    sql: StrictStr | None = None
    aggregation_type: AggregationType = AggregationType.SUM
    aggregation_key: StrictStr | None = Field(None, validate_default=True)
    event_type_filter: EventTypeFilter = EventTypeFilter()
    property_filters: tuple[PropertyFilter, ...] = ()
    group_keys: tuple[StrictStr, ...] = ()
    status: MeterStatus = MeterStatus.ACTIVE
    inactive_at: Instant | None = None

    @property
    def is_supported(self) -> bool:
        """Return whether the meter can be computed: SQL would override its structure, and is not supported yet."""
        return self.sql is None

    @field_validator("aggregation_key")
    @classmethod
    def _has_a_key(cls, key: str | None, earlier: ValidationInfo) -> str | None:
        kind = earlier.data.get("aggregation_type", AggregationType.COUNT)
        if key is None and kind is not AggregationType.COUNT and earlier.data.get("sql") is None:
            raise PydanticCustomError("aggregation_key", "is required for {kind}", {"kind": kind.value})
        return key

    @field_validator("group_keys")
    @classmethod
    def _groups_by_each_once(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(keys)) < len(keys):
            raise PydanticCustomError("group_keys", "must not name a property twice")
        return keys


class Pricing(_Document):
    """A pricing of a plan; only one of the model ``USAGE`` carries usage."""

    id: Id
    name: StrictStr | None = None
    model: StrictStr


class UsagePricing(Pricing):
    """A pricing that carries usage: its meter and its periods."""

    meter_id: Id
    price_interval: Interval
    price_interval_count: WholeNumber = 1


def _pricing_tag(pricing: Any) -> str:
    model = pricing.get("model") if isinstance(pricing, dict) else getattr(pricing, "model", None)
    return "usage" if model == USAGE else "other"


AnyPricing = Annotated[
    Annotated[UsagePricing, Tag("usage")] | Annotated[Pricing, Tag("other")], Discriminator(_pricing_tag)
]


class Plan(_Document):
    """A plan: the pricings that a contract charges by."""

    id: Id
    name: StrictStr | None = None
    pricing: tuple[AnyPricing, ...] = ()


class Contract(_Document):
    """A contract: a customer on a plan from a day on, up to another day (exclusive) or without an end.

    ``billing_cycle_anchor`` is a date ``YYYY-MM-DD`` or a day of month ``1`` to ``31``, as text.
    """

    id: Id
    customer_id: Id
    plan_id: Id
    start_date: Day
    end_date: Day | None = None
    billing_cycle_anchor: AnchorText | None = None
    is_active: Any = Field(None, exclude=True)

    @field_validator("end_date")
    @classmethod
    def _ends_after_it_starts(cls, end_on: date | None, earlier: ValidationInfo) -> date | None:
        start_on = earlier.data.get("start_date")
        if end_on is not None and start_on is not None and end_on <= start_on:
            raise PydanticCustomError(
                "inverted", "must be after the startDate {start_on}", {"start_on": str(start_on)}
            )
        return end_on


Thing = Customer | Meter | Plan | Contract

MODELS: Final[dict[Kind, type[Thing]]] = {
    Kind.CUSTOMER: Customer,
    Kind.METER: Meter,
    Kind.PLAN: Plan,
    Kind.CONTRACT: Contract,
}

_KEPT_EVERYWHERE: Final = frozenset(
    {
        "object", "metadata", "description", "tags", "notes", "organizationId", "createdAt", "createdBy", "updatedAt",
        "updatedBy", "archivedAt", "deletedAt",
    }
)  # fmt: skip

KEPT_MEMBERS: Final[dict[type[BaseModel], frozenset[str]]] = {
    Customer: _KEPT_EVERYWHERE
    | {
        "email", "phone", "legalName", "status", "currency", "language", "address", "billingAddress", "shippingAddress",
        "contacts", "taxId", "taxIds", "paymentTerms",
    },
    Meter: _KEPT_EVERYWHERE | {"unit"},
    Plan: _KEPT_EVERYWHERE | {"code", "status", "currency", "version"},
    UsagePricing: _KEPT_EVERYWHERE
    | {
        "planId", "productId", "status", "currency", "unit", "unitAmount", "tiering", "pricingTiers", "packageSize",
        "minimumAmount", "maximumAmount", "billingTiming",
    },
    Contract: _KEPT_EVERYWHERE
    | {
        "name", "number", "status", "currency", "signedAt", "paymentTerms", "netTerms", "purchaseOrder", "discounts",
    },
}  # fmt: skip
"""The members that the API is known to send and that change no usage: they are kept without a word."""
