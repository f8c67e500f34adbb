"""Times as MX Telecom writes them (sheet mxtelecom, sections 5, 6, 8.2)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from broker.domain.callback import DateForm

_LONDON = ZoneInfo("Europe/London")
_PLAIN = "%Y-%m-%d %H:%M:%S"


def write(when: datetime, form: DateForm = DateForm.US) -> str:
    """Return a time in one of the three forms."""
    if form is DateForm.UK:
        return write_local(when)
    text = when.astimezone(UTC).strftime(_PLAIN)
    return f"{text} +0000" if form is DateForm.UK2 else f"{text}+0000"


def write_local(when: datetime) -> str:
    """Return a time as London's clocks show it, which is how the SMS interface has it."""
    return when.astimezone(_LONDON).strftime(_PLAIN)
