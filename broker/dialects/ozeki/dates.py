"""Dates as Ozeki's clients write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from broker.errors import InvalidField, ValidityOver

FARTHEST = timedelta(days=366)
ZONES_WEST = timedelta(hours=12)
"""How much later than UTC a wall clock's moment may be: the most western zone."""
_DOTTED = re.compile(r"(\d{4})\.(\d\d)\.(\d\d)\.? (\d\d):(\d\d):(\d\d)", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?P<zone>Z|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)


class Times(NamedTuple):
    """When a message may go; both in UTC, or both wall-clock times marked UTC."""

    send_at: datetime | None
    valid_until: datetime | None
    wall_clock: bool


def read_times(send_at: object, valid_until: object, *, now: datetime, names: tuple[str, str]) -> Times:
    """Return both times of a message; `names` are those of the parameters, for the errors.

    Raises:
        InvalidField: one is not a date, or the first is too far ahead.
        ValidityOver: the second has passed, wherever the account is.
    """
    start, start_zoned = _read(send_at, names[0])
    until, until_zoned = _read(valid_until, names[1])
    wall_clock = bool(start or until) and not (start_zoned or until_zoned)
    if start and start > now + FARTHEST:
        raise InvalidField("is too far ahead", pointer=f"/{names[0]}")
    if start and start < now - timedelta(days=1):
        start = None  # past in every zone
    over = now - ZONES_WEST if wall_clock else now
    if until and (until <= over or (start and until <= start)):
        raise ValidityOver("is over before the message may be sent", pointer=f"/{names[1]}")
    return Times(send_at=start, valid_until=until and min(until, now + FARTHEST), wall_clock=wall_clock)


def read_leniently(value: object) -> datetime | None:
    """Return the date in a value that nothing depends on, or None."""
    try:
        return _read(value, "")[0]
    except InvalidField:
        return None


def write(at: datetime, zone: str = "UTC") -> str:
    """Return a time in the only form that all of the vendor's clients read (sheet 5.2), as clocks show it in a zone."""
    if zone != "UTC":
        at = at.astimezone(ZoneInfo(zone))
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _read(value: object, name: str) -> tuple[datetime | None, bool]:
    if value is None:
        return None, False
    text = value.strip() if isinstance(value, str) else ""
    match = _DOTTED.fullmatch(text) or _ISO.fullmatch(text)
    if not match:
        raise InvalidField("is not a date", pointer=f"/{name}")
    zone = match.groupdict().get("zone")
    try:
        at = datetime(*map(int, match.groups()[:6]), tzinfo=UTC)  # type: ignore[misc, arg-type]  # six numbers
        return (at - _offset(zone) if zone else at), bool(zone)
    except (ValueError, OverflowError):
        raise InvalidField("is not a date", pointer=f"/{name}") from None


def _offset(zone: str) -> timedelta:
    if zone in "Zz":
        return timedelta()
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -ahead if zone[0] == "-" else ahead
