"""The settings that change numbers, and are therefore stored in the database."""

from enum import StrEnum


class Setting(StrEnum):
    """The name of a setting."""

    BILLING_TIME_ZONE = "billing_time_zone"
    """The IANA zone in which days and billing periods begin."""


DEFAULTS = {Setting.BILLING_TIME_ZONE: "UTC"}
