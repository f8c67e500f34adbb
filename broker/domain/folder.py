"""Customers' folders: views over the states of messages (sheet ozeki 6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broker.domain.message import Direction
from broker.domain.status import Status


class Folder(StrEnum):
    """Where a customer finds a message; each is in exactly one."""

    INBOX = "inbox"
    OUTBOX = "outbox"
    SENT = "sent"
    NOT_SENT = "notsent"
    SCHEDULED = "scheduled"
    DELETED = "deleted"


S = Status

STATUSES: Mapping[Folder, frozenset[Status]] = {
    Folder.INBOX: frozenset(
        {S.RECEIVED, S.FETCHING, S.READY, S.INCOMPLETE, S.FORWARDED, S.UNFORWARDED},
    ),
    Folder.OUTBOX: frozenset({S.ACCEPTED, S.PREPARING, S.QUEUED, S.SUBMITTING, S.RETRYING, S.UNKNOWN}),
    Folder.SCHEDULED: frozenset({S.SCHEDULED}),
    Folder.SENT: frozenset({S.SUBMITTED, S.RELAYED, S.DELIVERED, S.READ, S.UNDELIVERED, S.UNCONFIRMED}),
    Folder.NOT_SENT: frozenset({S.REJECTED, S.FAILED, S.CANCELLED}),
}
"""All states but `expired`: what expired with its carrier was sent, what expired with us was not."""

_FOLDER_OF = {status: folder for folder, statuses in STATUSES.items() for status in statuses}


def folder_of(status: Status, *, taken: bool, deleted: bool) -> Folder:
    """Return the folder of a message; `taken` says that its carrier gave it a reference of its own."""
    if deleted:
        return Folder.DELETED
    if status is Status.EXPIRED:
        return Folder.SENT if taken else Folder.NOT_SENT
    return _FOLDER_OF[status]


class Counter(StrEnum):
    """What is counted of a connection, as running totals: deleting a message takes nothing away."""

    SENT = "sent"
    ACCEPTED = "accepted"
    FORWARDED = "forwarded"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a connection has carried: running totals, and what is in its customers' folders now.

    `since` is set where only what was made since then was counted, for there is more than one look counts.
    """

    counters: Mapping[Counter, int]
    folders: Mapping[Folder, int]
    since: datetime | None = None


_PASSED_ON = {Status.FORWARDED: (Counter.FORWARDED,)}
_SAID = {
    Status.DELIVERED: (Counter.DELIVERED,),
    Status.READ: (Counter.DELIVERED,),
    Status.UNDELIVERED: (Counter.UNDELIVERED,),
    Status.EXPIRED: (Counter.UNDELIVERED,),
}


def counters_of(direction: Direction, status: Status, *, taken: bool) -> frozenset[Counter]:
    """Return what a message counts for.

    Sent is what the carrier has taken, whatever came of it there; delivered and undelivered are what it has said since.
    Failed never left us, though not because its customer called it back. Accepted is all that came in, forwarded what
    reached its customer.
    """
    if direction is Direction.IN:
        return frozenset({Counter.ACCEPTED, *_PASSED_ON.get(status, ())})
    folder = folder_of(status, taken=taken, deleted=False)
    if folder is Folder.SENT:
        return frozenset({Counter.SENT, *_SAID.get(status, ())})
    failed = folder is Folder.NOT_SENT and status is not Status.CANCELLED
    return frozenset({Counter.FAILED} if failed else ())


def counted(counter: Counter) -> frozenset[tuple[Direction, Status, bool]]:
    """Return what counts for a counter: directions and states, and whether the carrier has taken the message."""
    return frozenset(
        (direction, status, taken)
        for direction in Direction
        for status in Status
        for taken in (False, True)
        if status not in (STATUSES[Folder.INBOX] if direction is Direction.OUT else _OUTBOUND)
        and counter in counters_of(direction, status, taken=taken)
    )


_OUTBOUND = frozenset(Status) - STATUSES[Folder.INBOX]
