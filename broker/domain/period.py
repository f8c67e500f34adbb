"""An account's day and month, in its own time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A day ("2026-11-21") or a month ("2026-11"). Times are aware UTC; `end` is the start of the next one."""

    name: str
    start: datetime
    end: datetime


def day(now: datetime, timezone: str) -> Period:
    """Return the day that `now` lies in; it may have 23 or 25 hours."""
    zone = ZoneInfo(timezone)
    start = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return Period(
        name=start.date().isoformat(),
        start=start.astimezone(UTC),
        end=_midnight(start.year, start.month, start.day + 1, zone),
    )


def month(now: datetime, timezone: str) -> Period:
    """Return the month that `now` lies in."""
    zone = ZoneInfo(timezone)
    start = now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    return Period(
        name=start.date().isoformat()[:7],
        start=start.astimezone(UTC),
        end=_midnight(start.year, start.month + 1, 1, zone),
    )


def _midnight(year: int, month_number: int, day_number: int, zone: ZoneInfo) -> datetime:
    """Return the midnight that begins a day, which may be one past the end of its month or year."""
    year, month_number = (year + 1, 1) if month_number > 12 else (year, month_number)  # noqa: PLR2004
    try:
        return datetime(year, month_number, day_number, tzinfo=zone).astimezone(UTC)
    except ValueError:
        return _midnight(year, month_number + 1, 1, zone)
