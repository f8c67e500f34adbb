"""Which connection a message goes by now, where its route has two."""

from collections.abc import Iterable

from broker.directory import Snapshot
from broker.domain.account import Connection
from broker.domain.message import Message, PartKind
from broker.domain.status import Status
from broker.errors import Rejected
from broker.providers.base import Outgoing, Provider, Submission
from broker.services.fit import PICTURES
from broker.services.lanes import leader_of
from broker.services.openings import Choice, Openings, Room

_NEW = frozenset({Status.ACCEPTED, Status.SCHEDULED})
"""States of messages that their connection has not been given yet."""


def ways(message: Message, known: Snapshot) -> tuple[Connection, ...]:
    """Return the connections that may carry a message now, the preferred one first; none where none can.

    After an attempt that was certainly not taken the other one is preferred. A message of which a carrier may have
    anything, since an answer was lost or evidence came, goes nowhere else.
    """
    usual = known.connection_for(message)
    if usual is None:
        return ()
    if message.pinned or message.possible_duplicate or message.provider_ref is not None:
        return (usual,)
    other = known.other_for(message, usual)
    if other is None or not carries(known.providers[other.name], message):
        return (usual,)
    other_first = message.status is Status.RETRYING or (usual.drains and message.status in _NEW)
    return (other, usual) if other_first else (usual, other)


def given_to(message: Message, known: Snapshot) -> Connection | None:
    """Return the connection that a new message is given to: not to one that drains, where there is another."""
    usual = known.connection_for(message)
    return ways(message, known)[0] if usual is not None and usual.drains else usual


def choose(message: Message, known: Snapshot, room: Room) -> Choice:
    """Return the connection that a message goes by now, or waits for, and which of the two."""
    if not message.group:
        return _choose(message, known, room)
    leader = leader_of(message)
    if leader not in room.chosen:
        room.chosen[leader] = _choose(message, known, room)
    return room.chosen[leader]


def _choose(message: Message, known: Snapshot, room: Room) -> Choice:
    usual = known.connection_for(message)
    if usual is None or usual.keeps:
        return usual, False
    stays = message.group and leader_of(message) in room.staying
    for way in (usual,) if stays else ways(message, known):
        if not room.is_shut(way.name):
            return way, room.lets(message, way)
    return usual, False


def broken_groups(waiting: Iterable[Message]) -> set[str]:
    """Return the groups, by their first message, of which a carrier may have anything.

    A group is one submission: evidence of one member is evidence of all, and whose member waits no more has it.
    """
    groups: dict[str, list[Message]] = {}
    for message in waiting:
        if message.group:
            groups.setdefault(leader_of(message), []).append(message)
    return {
        leader
        for leader, members in groups.items()
        if len(members) < len(members[0].members)
        or any(one.possible_duplicate or one.provider_ref is not None for one in members)
    }


def at_once(message: Message, known: Snapshot, openings: Openings) -> bool:
    """Say whether a message that was just not taken by its route's first connection may go by the second at once."""
    route = known.routes.get((message.account, message.originator))
    if route is None or message.connection != route.connection:
        return False
    return any(other.name not in openings.shut for other in ways(message, known)[1:])


def carries(provider: Provider, message: Message) -> bool:
    """Say whether a connection takes a message that was prepared for another.

    Pictures that we upload are made to fit when it goes. A message that cannot be made to fit waits for the
    connection that takes it: it is not refused for the limits of one that it need not go by.
    """
    shrinks = provider.media_mode == "upload"
    parts = [
        Outgoing(
            name=part.name,
            content_type=part.content_type,
            size=0 if shrinks and part.content_type in PICTURES else part.size,
        )
        for part in message.parts
        if part.kind is not PartKind.LAYOUT
    ]
    recipients = (message.recipient,) * max(1, len(message.members))
    submission = Submission(message=message, recipients=recipients, tag="")
    text = "\n".join(filter(None, (message.subject, message.text)))
    try:
        provider.limits.enforce(submission, text=text, parts=parts)
    except Rejected:
        return False
    return True
