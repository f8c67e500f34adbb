"""The time zones that a phone number may be in."""

from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=20_000)
def zones_of(number: str) -> tuple[ZoneInfo, ...]:
    """Return the zones that a number in E.164 may be in: several where it names a country only, none if unknown."""
    import phonenumbers.timezone  # noqa: PLC0415 - its tables take long to load, and few accounts need them

    try:
        names = phonenumbers.timezone.time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ()
    found = (_zone(name) for name in names if name != phonenumbers.timezone.UNKNOWN_TIMEZONE)
    return tuple(zone for zone in found if zone is not None)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return None
