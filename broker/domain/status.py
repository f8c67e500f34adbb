"""The state machine: one table for messages that leave, one for messages that arrive."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """Where a message stands."""

    ACCEPTED = "accepted"
    PREPARING = "preparing"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SUBMITTING = "submitting"
    RETRYING = "retrying"
    UNKNOWN = "unknown"
    SUBMITTED = "submitted"
    RELAYED = "relayed"
    DELIVERED = "delivered"
    READ = "read"
    REJECTED = "rejected"
    FAILED = "failed"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"

    RECEIVED = "received"
    FETCHING = "fetching"
    READY = "ready"
    INCOMPLETE = "incomplete"
    FORWARDED = "forwarded"
    UNFORWARDED = "unforwarded"


class Event(StrEnum):
    """What can happen to a message."""

    ADMIT = "admit"
    TAKE = "take"
    PREPARE = "prepare"
    SCHEDULE = "schedule"
    READY = "ready"
    CLAIM = "claim"
    RECEIPT = "receipt"
    DEFER = "defer"
    REFUSE = "refuse"
    GIVE_UP = "give_up"
    LOSE = "lose"
    RESEND = "resend"
    STOP = "stop"
    HAND_OFF = "hand_off"
    DELIVER = "deliver"
    MISS = "miss"
    EXPIRE = "expire"
    UNCONFIRM = "unconfirm"
    OPEN = "open"
    CANCEL = "cancel"
    PARK = "park"

    FETCH = "fetch"
    FORWARD = "forward"
    GIVE_UP_FORWARD = "give_up_forward"
    LOSE_PART = "lose_part"


S, E = Status, Event

REPORTS: Mapping[Event, Status] = {
    E.HAND_OFF: S.RELAYED,
    E.DELIVER: S.DELIVERED,
    E.MISS: S.UNDELIVERED,
    E.EXPIRE: S.EXPIRED,
    E.UNCONFIRM: S.UNCONFIRMED,
    E.OPEN: S.READ,
}
"""What a carrier's report makes of a message that may be in the carrier's hands."""

IN_CARRIERS_HANDS = (S.SUBMITTING, S.UNKNOWN, S.RETRYING, S.SUBMITTED, S.RELAYED)
LATE = (S.UNDELIVERED, S.EXPIRED, S.FAILED, S.UNCONFIRMED)
"""Ends that handset evidence still turns into `delivered`."""

TRANSITIONS: Mapping[tuple[Status, Event], Status] = {
    (S.ACCEPTED, E.TAKE): S.QUEUED,
    (S.ACCEPTED, E.CLAIM): S.SUBMITTING,
    (S.ACCEPTED, E.PREPARE): S.PREPARING,
    (S.ACCEPTED, E.SCHEDULE): S.SCHEDULED,
    (S.ACCEPTED, E.REFUSE): S.REJECTED,
    (S.PREPARING, E.READY): S.QUEUED,
    (S.PREPARING, E.REFUSE): S.REJECTED,
    **{(status, E.CLAIM): S.SUBMITTING for status in (S.SCHEDULED, S.QUEUED, S.RETRYING)},
    **{(status, E.REFUSE): S.REJECTED for status in (S.SCHEDULED, S.QUEUED, S.RETRYING)},
    **{
        (status, event): end
        for status in (S.ACCEPTED, S.PREPARING, S.SCHEDULED, S.QUEUED, S.RETRYING)
        for event, end in ((E.EXPIRE, S.EXPIRED), (E.CANCEL, S.CANCELLED))
    },
    (S.SUBMITTING, E.RECEIPT): S.SUBMITTED,
    (S.SUBMITTING, E.DEFER): S.RETRYING,
    (S.SUBMITTING, E.REFUSE): S.REJECTED,
    (S.SUBMITTING, E.GIVE_UP): S.FAILED,
    (S.SUBMITTING, E.LOSE): S.UNKNOWN,
    (S.UNKNOWN, E.RESEND): S.RETRYING,
    (S.UNKNOWN, E.STOP): S.FAILED,
    (S.UNKNOWN, E.RECEIPT): S.SUBMITTED,
    # Late evidence stops a resend.
    (S.RETRYING, E.RECEIPT): S.SUBMITTED,
    **{
        (status, event): end
        for status in IN_CARRIERS_HANDS
        for event, end in REPORTS.items()
        if end != status
    },
    **{(status, event): REPORTS[event] for status in LATE for event in (E.DELIVER, E.OPEN)},
    # An open is proof of delivery, so a message may be read before its delivery report arrives.
    (S.DELIVERED, E.OPEN): S.READ,
    # Inbound.
    (S.RECEIVED, E.FETCH): S.FETCHING,
    (S.RECEIVED, E.READY): S.READY,
    (S.FETCHING, E.READY): S.READY,
    (S.FETCHING, E.LOSE_PART): S.INCOMPLETE,
    (S.INCOMPLETE, E.READY): S.READY,
    **{(status, E.FORWARD): S.FORWARDED for status in (S.READY, S.INCOMPLETE, S.UNFORWARDED)},
    **{(status, E.GIVE_UP_FORWARD): S.UNFORWARDED for status in (S.READY, S.INCOMPLETE)},
}

ENDS = frozenset(
    {
        S.DELIVERED,
        S.READ,
        S.REJECTED,
        S.FAILED,
        S.UNDELIVERED,
        S.EXPIRED,
        S.CANCELLED,
        S.UNCONFIRMED,
        S.FORWARDED,
        S.UNFORWARDED,
    }
)
"""States in which nothing is waiting to be done; late evidence may still correct some of them."""


def advance(status: Status, event: Event) -> Status | None:
    """Return the status after `event`, or None where there is nothing to do: late and repeated news is normal."""
    return TRANSITIONS.get((status, event))


def sources(event: Event) -> tuple[Status, ...]:
    """Return the states in which `event` moves a message."""
    return tuple(status for status, known in TRANSITIONS if known is event)


def contradicts(status: Status, event: Event) -> bool:
    """Say whether news of a carrier denies an end that stands: it is kept, and moves nothing."""
    if event not in REPORTS or advance(status, event) is not None:
        return False
    failures = {E.MISS, E.EXPIRE, E.UNCONFIRM}
    if status in {S.DELIVERED, S.READ}:
        return event in failures
    if status in {S.UNDELIVERED, S.EXPIRED}:
        return event in failures and REPORTS[event] != status
    return status in {S.REJECTED, S.CANCELLED}


def is_late(status: Status, event: Event) -> bool:
    """Say whether `event` corrects an end that stood already."""
    return status in LATE and advance(status, event) is not None


GOOD_ENDS = (S.DELIVERED, S.READ)
BAD_ENDS = (S.REJECTED, S.FAILED, S.UNDELIVERED, S.EXPIRED)
"""How a message that goes out ends as its customer wished, and otherwise; `cancelled` and `unconfirmed` are neither."""
