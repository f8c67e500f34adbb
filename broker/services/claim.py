"""Record what was popped and claim what may go now, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.directory import Snapshot
from broker.domain.message import Message
from broker.domain.status import ENDS, Event, Status
from broker.domain.value import replace, value
from broker.keyspace.lanes import Place
from broker.keyspace.schedule import Later
from broker.services import optouts, park, quiet
from broker.services.failover import broken_groups, choose, given_to
from broker.services.lanes import later_of, leader_of, place_of
from broker.services.openings import Openings, Room
from broker.services.outcome import at
from broker.services.owing import begun, owe
from broker.settings import Settings
from broker.storage import lanes, messages, submissions
from broker.storage.database import Sql
from broker.storage.messages import Fresh, Move, Moved


@value
class Decision:
    """What happens to one message now; no event: it goes on waiting.

    `place` is where it waits for a slot; `due_at` is when to look at it again (Redis's clock, ms).
    """

    event: Event | None
    due_at: int | None = None
    place: Place | None = None
    connection: str | None = None
    detail: str = ""


Taken = Mapping[str, tuple[Message, Decision]]
"""Messages of one transaction by id, each with what happens to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a transaction claimed: each entry is one submission, a group's members together.

    `preparing` and `waiting` are the new messages whose media must be looked at, and those to come back to, with
    their due times; `laned` are the places of those that wait for a slot. `owed` says that customers are to be told
    something now. `ended` came to an end here; `waited` are connections, and for how long one waited for its slot (ms).
    """

    submissions: tuple[tuple[Message, ...], ...]
    preparing: tuple[str, ...]
    waiting: tuple[Later, ...]
    laned: tuple[Place, ...]
    owed: bool
    ended: tuple[Moved, ...] = ()
    waited: tuple[tuple[str, int], ...] = ()


def claim(
    sql: Sql,
    ids: Sequence[str],
    admitted: Mapping[str, Message],
    *,
    known: Snapshot,
    now_ms: int,
    settings: Settings,
    openings: Openings,
) -> Claimed:
    """Insert what is new, and make everything that may go now `submitting`, with an attempt row and a lease.

    An id that was popped twice finds nothing left to claim.
    """
    lease_ms = round(settings.lease_s * 1000)
    room = openings.room()
    room.quiet |= quiet.held(admitted.values(), known, at(now_ms))
    stops = optouts.refused(sql, admitted.values(), known, settings)
    fresh = {
        name: (one, _refusal(name, stops) or _decide_new(one, known, room, now_ms, lease_ms))
        for name, one in admitted.items()
    }
    new = [_fresh(message, decision, now_ms) for message, decision in fresh.values()]
    added = messages.add(sql, new)
    moved = begun(new, added)
    taken = {name: fresh[name] for name in added}
    rest = [name for name in ids if name not in added]
    since = lanes.since(sql, rest) if openings.slots else {}
    if rest:
        old = _claimable(sql, rest, known, room, now_ms=now_ms, settings=settings)
        moved += _move(sql, old, now_ms)
        taken |= old
    going = _going(taken, added)
    attempts = [(one.id, one.attempts, one.connection or "") for group in going for one in group]
    submissions.begin(sql, attempts, at=at(now_ms))
    owed = owe(sql, moved, known, now_ms=now_ms, settings=settings)
    return _claimed(taken, going, moved, owed=owed, waited=_waited(going, since, now_ms))


def _claimed(
    taken: Taken,
    going: tuple[tuple[Message, ...], ...],
    moved: Iterable[Moved],
    *,
    owed: bool,
    waited: tuple[tuple[str, int], ...],
) -> Claimed:
    return Claimed(
        submissions=going,
        preparing=_preparing(taken),
        waiting=_waiting(taken),
        laned=tuple(decision.place for one, decision in taken.values() if decision.place and _leads(one)),
        owed=owed,
        ended=tuple(one for one in moved if one.after in ENDS),
        waited=waited,
    )


def _waited(
    going: Iterable[Sequence[Message]], since: Mapping[str, int], now_ms: int
) -> tuple[tuple[str, int], ...]:
    leaders = (group[0] for group in going)
    return tuple(
        (one.connection or "none", max(now_ms - since[one.id], 0)) for one in leaders if one.id in since
    )


def _claimable(
    sql: Sql, ids: Sequence[str], known: Snapshot, room: Room, *, now_ms: int, settings: Settings
) -> Taken:
    """Return those messages of the record that wait and are due, each with what happens to it."""
    found = messages.claimable(sql, ids, now_ms)
    park.lost(sql, set(ids) - found.keys(), now_ms=now_ms)
    room.staying |= broken_groups(found.values())
    room.quiet |= quiet.held(found.values(), known, at(now_ms))
    stops = optouts.refused(sql, found.values(), known, settings)
    lease_ms = round(settings.lease_s * 1000)
    return {
        name: (one, _refusal(name, stops) or _decide_old(one, known, room, now_ms, lease_ms))
        for name, one in found.items()
    }


def _refusal(name: str, stops: Mapping[str, str]) -> Decision | None:
    return Decision(event=Event.REFUSE, detail=stops[name]) if name in stops else None


def _preparing(taken: Taken) -> tuple[str, ...]:
    return tuple(
        name
        for name, (message, decision) in taken.items()
        if decision.event is Event.PREPARE and _leads(message)
    )


def _waiting(taken: Taken) -> tuple[Later, ...]:
    return tuple(
        later_of(message, decision.due_at)
        for message, decision in taken.values()
        if decision.due_at is not None
        and decision.place is None
        and decision.event in {Event.SCHEDULE, Event.TAKE, None}
        and _leads(message)
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _leads(message: Message) -> bool:
    return message.id == leader_of(message)


def _decide_new(message: Message, known: Snapshot, room: Room, now_ms: int, lease_ms: int) -> Decision:
    connection = given_to(message, known)
    if connection is not None and message.valid_until > at(now_ms):
        if message.parts:
            # A group is prepared once, by its leader: nobody need look at the others before their validity is over.
            due_at = now_ms if _leads(message) else _ms(message.valid_until)
            return Decision(event=Event.PREPARE, due_at=due_at, connection=connection.name)
        start = room.quiet.get(message.id, message.send_at)
        if start is not None and start > at(now_ms):
            return Decision(event=Event.SCHEDULE, due_at=_ms(start), connection=connection.name)
    decision = _decide(message, known, room, now_ms, lease_ms)
    return replace(decision, event=Event.TAKE) if decision.event is None else decision


def _decide_old(message: Message, known: Snapshot, room: Room, now_ms: int, lease_ms: int) -> Decision:
    if message.status is Status.ACCEPTED:  # it was set aside and put back: nobody has begun with it
        return _decide_new(message, known, room, now_ms, lease_ms)
    return _decide(message, known, room, now_ms, lease_ms)


def _decide(message: Message, known: Snapshot, room: Room, now_ms: int, lease_ms: int) -> Decision:
    if message.valid_until <= at(now_ms):
        return Decision(event=Event.EXPIRE, detail="its validity is over")
    if message.id in room.quiet:
        return Decision(event=None, due_at=_ms(room.quiet[message.id]))
    connection, goes = choose(message, known, room)
    if connection is None:
        return Decision(event=Event.REFUSE, detail="no connection can carry it")
    if not goes:
        # Its lane brings it back. Nobody else need look at it before its validity is over.
        place = place_of(message, connection)
        return Decision(event=None, due_at=_ms(message.valid_until), connection=connection.name, place=place)
    return Decision(event=Event.CLAIM, due_at=now_ms + lease_ms, connection=connection.name)


def _laned_at(message: Message, decision: Decision, now_ms: int) -> int | None:
    if decision.place is None:
        return None
    return now_ms if _leads(message) else 0


def _fresh(message: Message, decision: Decision, now_ms: int) -> Fresh:
    return Fresh(
        message=message,
        event=decision.event,
        due_at=decision.due_at,
        laned_at=_laned_at(message, decision, now_ms),
        connection=decision.connection,
        detail=decision.detail,
    )


def _move(sql: Sql, taken: Taken, now_ms: int) -> list[Moved]:
    moves = [
        Move(
            id=name,
            event=decision.event,
            at=at(now_ms),
            key=f"{decision.event}.{message.attempts + 1}",
            detail=decision.detail,
            due_at=decision.due_at,
            connection=decision.connection,
        )
        for name, (message, decision) in taken.items()
        if decision.event is not None
    ]
    moved = messages.move(sql, moves)
    entries = [
        lanes.Entry(
            id=name,
            connection=decision.place.connection,
            laned_at=_laned_at(message, decision, now_ms) or 0,
            due_at=decision.due_at or 0,
        )
        for name, (message, decision) in taken.items()
        if decision.place is not None
    ]
    lanes.enter(sql, entries)
    later = {name: one for name, (_, one) in taken.items() if one.event is None and one.place is None}
    messages.postpone(sql, {name: one.due_at for name, one in later.items() if one.due_at is not None})
    return moved


def _going(taken: Taken, added: Iterable[str]) -> tuple[tuple[Message, ...], ...]:
    """Return the claimed messages as they stand now, a group's members together in the order of its recipients."""
    new = set(added)
    groups: dict[str, list[Message]] = {}
    for name, (message, decision) in taken.items():
        if decision.event is Event.CLAIM:
            claimed = replace(
                message,
                status=Status.SUBMITTING,
                attempts=1 if name in new else message.attempts + 1,
                connection=decision.connection,
            )
            groups.setdefault(message.members[0] if message.group else name, []).append(claimed)
    for members in groups.values():
        if len(members) > 1:
            members.sort(key=lambda one: one.members.index(one.id))
    return tuple(tuple(members) for members in groups.values())
