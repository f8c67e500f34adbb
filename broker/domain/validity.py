"""When a draft may be sent."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from broker.domain.draft import Draft
from broker.domain.value import value
from broker.errors import ValidityOver


@value
class Span:
    """Not before `send_at` (None: at once), not after `valid_until`; aware UTC."""

    send_at: datetime | None
    valid_until: datetime


def span(draft: Draft, *, zone: tzinfo, now: datetime) -> Span:
    """Return when a draft may be sent; wall-clock times are read in the account's zone.

    Raises:
        ValidityOver: it would be over before it could be sent.
    """
    if draft.send_at is draft.valid_until is None:  # as with nearly every message
        return Span(send_at=None, valid_until=now + _lasting(draft.validity_s))
    send_at = _settled(draft.send_at, draft, zone)
    if send_at is not None and send_at <= now:
        send_at = None
    start = send_at or now
    valid_until = _settled(draft.valid_until, draft, zone) or start + _lasting(draft.validity_s)
    if valid_until <= start:
        raise ValidityOver("is over before the message may be sent", pointer="/valid_until")
    return Span(send_at=send_at, valid_until=valid_until)


@lru_cache(maxsize=256)
def _lasting(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)  # which takes longer to make than to find


def _settled(at: datetime | None, draft: Draft, zone: tzinfo) -> datetime | None:
    return at.replace(tzinfo=zone).astimezone(UTC) if at is not None and draft.wall_clock else at
