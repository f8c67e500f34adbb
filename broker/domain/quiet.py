"""Quiet hours: when an account disturbs nobody."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from broker.domain.value import value
from broker.domain.zones import zones_of

_FORM = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_LONGEST = timedelta(days=8)
"""Who is not to be disturbed at any time of a week never is: this and a clock change."""


@value
class QuietHours:
    """From `start` to `end` on the recipient's clock, over midnight if need be.

    `timezone` is for numbers of which no zone is known.
    """

    start: time
    end: time
    timezone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def covers(self, moment: time) -> bool:
        """Say whether a time of day is one of them."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def read(text: str, timezone: str = "UTC") -> QuietHours:
    """Return what "21:00-08:00" says.

    Raises:
        ValueError: it says nothing of the kind.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError('is not of the form "21:00-08:00"')
    hours = [int(part) for part in found.groups()]
    start, end = time(hours[0], hours[1]), time(hours[2], hours[3])
    if start == end:
        raise ValueError("begins when it ends")
    return QuietHours(start=start, end=end, timezone=timezone)


def leaves_at(hours: QuietHours, recipients: Iterable[str], start: datetime) -> datetime | None:
    """Return the first moment from `start` on that is in nobody's quiet hours; None if there is no such moment.

    A number that may be in several zones is disturbed in none of them.
    """
    zones = {zone for number in recipients for zone in zones_of(number) or (ZoneInfo(hours.timezone),)}
    return awake_at(hours, tuple(zones), start)


def awake_at(hours: QuietHours, zones: Sequence[tzinfo], start: datetime) -> datetime | None:
    """Return the first moment from `start` on that is quiet in none of the zones; None if there is no such moment."""
    moment = start
    while moment < start + _LONGEST:
        here = [(moment.astimezone(zone), zone) for zone in zones]
        ends = [_end(hours, local, zone) for local, zone in here if hours.covers(local.time())]
        if not ends:
            return moment
        moment = max(ends)
    return None


def _end(hours: QuietHours, local: datetime, zone: tzinfo) -> datetime:
    """Return when the quiet hours that a moment lies in are over.

    Where a clock change leaves out that time of day, or has it twice, it is the later one that could be meant.
    """
    day = local.date() if local.time() < hours.end else local.date() + timedelta(days=1)
    ends = datetime.combine(day, hours.end, zone)
    return max(ends.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
