"""What can be done about a message, and the risk of sending it again."""

from collections.abc import Mapping
from enum import StrEnum

from broker.domain.message import Direction, Message
from broker.domain.status import Status
from broker.services.handle import CANCELLABLE
from broker.services.steering import AGAIN


class Way(StrEnum):
    """Something that operators do about messages."""

    CANCEL = "cancel"
    RETRY = "retry"
    RESEND = "resend"


_FROM: Mapping[Way, frozenset[Status]] = {
    Way.CANCEL: CANCELLABLE,
    Way.RETRY: frozenset({Status.RETRYING}),
    Way.RESEND: frozenset(AGAIN),
}
_RISKS: Mapping[str, str] = {
    Status.DELIVERED: "It was delivered: its recipient gets it twice.",
    Status.READ: "It was read: its recipient gets it twice.",
    Status.REJECTED: "It was refused, and will be again if the cause is still there.",
    Status.CANCELLED: "It was never sent.",
    Status.FAILED: "It may have been sent, where an answer was lost: its recipient may get it twice.",
    Status.EXPIRED: "Its time was over: its recipient may get it late, or twice.",
}
_RISK = "It may still arrive: its recipient may get it twice."


def ways_of(message: Message) -> set[Way]:
    """Return what can be done about a message."""
    if message.direction is Direction.IN:
        return set()
    return {way for way, statuses in _FROM.items() if message.status in statuses}


def why_not(message: Message) -> str:
    """Say why nothing can be done about a message."""
    if message.direction is Direction.IN:
        return "it arrived: there is nothing to send"
    return "it is on its way to the carrier at this moment"


def risk(status: str) -> str:
    """Return what may happen when a message that stands there is sent again."""
    return _RISKS.get(status, _RISK)
