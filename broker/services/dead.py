"""Take dead letters where operators want them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from broker.dispatch import Queue
from broker.domain.dead import Kind, Standing
from broker.domain.status import Event
from broker.keyspace import content
from broker.runtime import Runtime
from broker.services.backlog import queue_of, repaired_later
from broker.services.outcome import at
from broker.services.owing import owe, tell_soon
from broker.storage import aside, callbacks, dead, messages
from broker.storage.database import Sql
from broker.storage.dead import Leaving
from broker.storage.messages import Fresh, Move

log = structlog.get_logger()

MOST = 200
"""Most letters that leave in one sweep."""


def leave(runtime: Runtime) -> None:
    """Take letters where people want them, one after the other: one that breaks again is parked as before."""
    for _ in range(MOST):
        family = runtime.database.write(partial(dead.leaving, now_ms=runtime.ready.now_ms()))
        if not family:
            return
        _LEAVING[family[0].wanted](runtime, family)
        log.info(
            "dead_letters_left",
            kind=family[0].letter.kind,
            wanted=family[0].wanted,
            operator=family[0].letter.settled_by,
            letters=len(family),
        )


def _put_back(runtime: Runtime, family: Sequence[Leaving]) -> None:
    _PUT_BACK[family[0].letter.kind](runtime, family)


def _discard(runtime: Runtime, family: Sequence[Leaving]) -> None:
    """End what is left of the work, and say why to whoever waits for it."""
    now_ms = runtime.ready.now_ms()
    known = runtime.directory.look()
    settings = runtime.settings

    def job(sql: Sql) -> bool:
        moves = [
            Move(id=name, event=event, at=at(now_ms), key=event, detail=one.letter.reason)
            for one in family
            for event in _ENDS.get(one.letter.kind, ())
            for name in aside.members(sql, one.letter.subject)
        ]
        moved = messages.move(sql, moves)
        dead.left(sql, [one.letter.id for one in family], Standing.DISCARDED)
        return owe(sql, moved, known, now_ms=now_ms, settings=settings)

    tell_soon(runtime.schedule, owed=runtime.database.write(job))


_ENDS: Mapping[Kind, tuple[Event, ...]] = {
    Kind.MESSAGE: (Event.REFUSE,),
    Kind.MEDIA: (Event.REFUSE, Event.LOSE_PART),
}
"""What ends a message that is discarded: what leaves is refused, what arrived goes on without its media."""


def _put_back_messages(runtime: Runtime, family: Sequence[Leaving]) -> None:
    now_ms = runtime.ready.now_ms()
    sealed = {one.letter.subject: one.content for one in family if one.content is not None}
    whole = [content.decode(runtime.vault.open(body).encode("latin-1")) for body in sealed.values()]
    ids = [one.letter.subject for one in family]

    def job(sql: Sql) -> None:
        for message in whole:
            if not aside.restore(sql, message, due_at=now_ms):
                messages.add(sql, [Fresh(message=message, event=None, due_at=now_ms)])
        aside.wake(sql, [name for name in ids if name not in sealed], Kind.MESSAGE, due_at=now_ms)
        _settled(sql, family, now_ms)

    runtime.database.write(job)
    found = runtime.database.read(partial(messages.load, ids=ids))
    leaders = {one.members[0] if one.members else one.id: queue_of(one.priority) for one in found.values()}
    with repaired_later():
        for name, queue in leaders.items():
            runtime.ready.push(queue, [name])


def _put_back_media(runtime: Runtime, family: Sequence[Leaving]) -> None:
    now_ms = runtime.ready.now_ms()
    (one,) = family

    def job(sql: Sql) -> None:
        aside.wake(sql, aside.members(sql, one.letter.subject), Kind.MEDIA, due_at=now_ms)
        _settled(sql, family, now_ms)

    runtime.database.write(job)
    with repaired_later():
        runtime.ready.push(Queue.MEDIA, [one.letter.subject])


def _put_back_webhooks(runtime: Runtime, family: Sequence[Leaving]) -> None:
    bodies = {one.letter.subject: one.content for one in family if one.content is not None}
    opened = {
        digest: content.decode_webhook(runtime.vault.open(body).encode("latin-1"))
        for digest, body in bodies.items()
    }
    # Redis first: a webhook that is taken twice changes nothing, one that is taken never is lost.
    runtime.suspects.restore(opened, now_ms=runtime.ready.now_ms())
    ids = [one.letter.id for one in family]
    runtime.database.write(lambda sql: dead.left(sql, ids, Standing.PUT_BACK))


def _put_back_callbacks(runtime: Runtime, family: Sequence[Leaving]) -> None:
    now_ms = runtime.ready.now_ms()

    def job(sql: Sql) -> None:
        callbacks.again(sql, [one.letter.subject for one in family], due_at=now_ms)
        dead.left(sql, [one.letter.id for one in family], Standing.PUT_BACK)

    runtime.database.write(job)
    tell_soon(runtime.schedule, owed=True)


def _settled(sql: Sql, family: Sequence[Leaving], now_ms: int) -> None:
    aside.tell(sql, [one.letter.subject for one in family], at(now_ms), "put back")
    dead.left(sql, [one.letter.id for one in family], Standing.PUT_BACK)


_PUT_BACK: Mapping[Kind, Callable[[Runtime, Sequence[Leaving]], None]] = {
    Kind.MESSAGE: _put_back_messages,
    Kind.MEDIA: _put_back_media,
    Kind.WEBHOOK: _put_back_webhooks,
    Kind.CALLBACK: _put_back_callbacks,
}
_LEAVING: Mapping[Standing, Callable[[Runtime, Sequence[Leaving]], None]] = {
    Standing.PUT_BACK: _put_back,
    Standing.DISCARDED: _discard,
}
