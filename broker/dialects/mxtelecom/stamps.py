"""Times as MX Telecom writes them (sheet mxtelecom, sections 5, 6, 8.2)."""

from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

_LONDON = ZoneInfo("Europe/London")
_PLAIN = "%Y-%m-%d %H:%M:%S"


class DateForm(StrEnum):
    """How the dates of arrivals are written: `uk` as London's clocks show, `us` and `uk2` in UTC with an offset."""

    UK = "uk"
    US = "us"
    UK2 = "uk2"


def write(when: datetime, form: str = DateForm.US) -> str:
    """Return a time in one of the three forms; another name than theirs stands for the second."""
    if form == DateForm.UK:
        return write_local(when)
    text = when.astimezone(UTC).strftime(_PLAIN)
    return f"{text} +0000" if form == DateForm.UK2 else f"{text}+0000"


def write_local(when: datetime) -> str:
    """Return a time as London's clocks show it, which is how the SMS interface has it."""
    return when.astimezone(_LONDON).strftime(_PLAIN)
