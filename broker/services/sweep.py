"""End what is overdue and put back what was dropped: the pass that repairs, found in SQL by its due time."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import structlog

from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.message import Direction, Message
from broker.domain.status import Event, Status, sources
from broker.log import each
from broker.metrics.measures import SWEEPS, SWEPT
from broker.runtime import Runtime
from broker.services import (
    adoption,
    changeover,
    counting,
    credit,
    dead,
    erasing,
    figures,
    forgetting,
    ledger,
    lifting,
    news,
    rebuilding,
    retention,
    tidy,
)
from broker.services.backlog import CROWD, queue_of, repaired_later
from broker.services.outcome import at
from broker.services.owing import owe, tell_soon
from broker.services.roaming import roam
from broker.settings import Settings
from broker.storage import accounts, callbacks, messages, parts
from broker.storage.database import Sql
from broker.storage.messages import Move, Moved

log = structlog.get_logger()

WAITING = frozenset(sources(Event.CLAIM))
IN_CARRIERS_CARE = frozenset({Status.SUBMITTED, Status.RELAYED})
WITH_MEDIA = frozenset({Status.PREPARING, Status.FETCHING})
FILES_MS = 3600_000
"""Between two looks at the files."""

FIGURES_MS = 5_000
"""Between two counts of what stands where."""

LOG_MS = 60_000
"""Between two looks at what has been kept for long enough."""


_TURNS: Mapping[str, tuple[int, Callable[[Runtime], object]]] = {
    "files": (FILES_MS, lambda runtime: tidy.tidy(runtime.settings, runtime.database)),
    "log": (LOG_MS, forgetting.forget),
    "erasures": (FIGURES_MS, erasing.erase),
    "retention": (FILES_MS, retention.forget_old),
    "callbacks": (FILES_MS, forgetting.forget_callbacks),
    "figures": (FIGURES_MS, figures.count),
}
"""What is done now and then, and how often at most."""


def sweep(runtime: Runtime) -> None:
    """Look at everything that is due in SQL."""
    with runtime.meter.timing(SWEEPS):
        _sweep(runtime)


def _sweep(runtime: Runtime) -> None:
    now_ms = runtime.ready.now_ms()
    known = runtime.directory.look()
    roam(runtime, lambda ids: _look_at(runtime, ids, known, now_ms), now_ms=now_ms)
    adoption.look_again(runtime)
    tell_soon(runtime.schedule, owed=bool(runtime.database.read(partial(callbacks.endpoints, now_ms=now_ms))))
    credit.keep_up(runtime)
    dead.leave(runtime)
    ledger.sweep(runtime)
    lifting.lift(runtime, now_ms)
    changeover.change_over(runtime, known, now_ms)
    _probe(runtime, known, now_ms)
    rebuilding.keep_up(runtime, known)
    for name, (every_ms, work) in _TURNS.items():
        if runtime.schedule.turn(name, every_ms=every_ms):
            work(runtime)


def _look_at(runtime: Runtime, ids: Sequence[str], known: Snapshot, now_ms: int) -> None:
    """End the present state of those whose time is over, and put the others back where they wait."""
    due = runtime.database.read(partial(messages.load, ids=ids))
    moves = {
        name: move for name, one in due.items() if (move := _move_of(one, known, now_ms, runtime.settings))
    }
    if moves:
        _end(runtime, list(moves.values()), known, now_ms)
        with repaired_later():
            runtime.lanes.leave(_lanes_of(due[name] for name in moves))
    _put_back(runtime, [one for name, one in due.items() if name not in moves])


def _end(runtime: Runtime, moves: Sequence[Move], known: Snapshot, now_ms: int) -> None:
    deadlines = news.deadlines(now_ms, runtime.settings)

    def job(sql: Sql) -> list[Moved]:
        moved = messages.move(sql, moves, deadlines=deadlines)
        parts.lose(sql, [one.id for one in moved if one.event is Event.LOSE_PART], "it did not come in time")
        owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)
        return moved

    moved = runtime.database.write(job)
    counting.ended(runtime.meter, moved)
    runtime.meter.add(SWEPT, Counter((str(item.event),) for item in moved))
    each("message_swept", ({"message_id": one.id, "by": one.event, "status": one.after} for one in moved))


def _lanes_of(ended: Iterable[Message]) -> dict[tuple[str, str], list[str]]:
    lanes: dict[tuple[str, str], list[str]] = {}
    for message in ended:
        if message.connection is not None and message.status in WAITING:
            lanes.setdefault((message.connection, message.originator), []).append(message.id)
    return lanes


def _move_of(message: Message, known: Snapshot, now_ms: int, settings: Settings) -> Move | None:
    """Return what ends a message's present state, if anything but its turn does."""
    if message.status is Status.SUBMITTING:
        hold_until = now_ms + round(settings.unknown_hold_s * 1000)
        why = "its worker did not say how it ended"
        return _move(message, Event.LOSE, now_ms, why, due_at=hold_until)
    if message.status is Status.UNKNOWN:
        return _settle(message, known, now_ms, settings)
    if message.status in IN_CARRIERS_CARE:
        return _move(message, Event.UNCONFIRM, now_ms, "no report came in time")
    if message.direction is Direction.IN:
        return _end_of_arrival(message, now_ms)
    if message.valid_until <= at(now_ms):
        return _move(message, Event.EXPIRE, now_ms, "its validity is over")
    return None


def _end_of_arrival(message: Message, now_ms: int) -> Move | None:
    """Return what ends the present state of an arrival."""
    if message.status is Status.RECEIVED:
        event = Event.FETCH if message.parts else Event.READY
        return _move(
            message, event, now_ms, "nobody had begun with it", due_at=now_ms if message.parts else None
        )
    if message.status in {Status.READY, Status.INCOMPLETE}:
        return _move(message, Event.GIVE_UP_FORWARD, now_ms, "nobody took it in time")
    if message.valid_until <= at(now_ms):
        return _move(message, Event.LOSE_PART, now_ms, "its media did not come in time")
    return None


def _settle(message: Message, known: Snapshot, now_ms: int, settings: Settings) -> Move:
    """Return what the account wants done when no evidence came of a submission whose answer was lost."""
    if known.policies.get(message.account) == "stop":
        return _move(message, Event.STOP, now_ms, "the carrier's answer was lost; it may have been sent")
    if message.attempts >= settings.retry_attempts:
        return _move(message, Event.STOP, now_ms, "it was tried often enough; it may have been sent")
    return _move(message, Event.RESEND, now_ms, "no evidence came", due_at=now_ms, possible_duplicate=True)


def _move(
    message: Message,
    event: Event,
    now_ms: int,
    detail: str,
    *,
    due_at: int | None = None,
    possible_duplicate: bool = False,
) -> Move:
    return Move(
        id=message.id,
        event=event,
        at=at(now_ms),
        key=f"{event}.{message.attempts}",
        detail=detail,
        attempt=message.attempts,
        due_at=due_at,
        possible_duplicate=possible_duplicate,
    )


def _put_back(runtime: Runtime, waiting: Sequence[Message]) -> None:
    """Push what waits and is due: the schedule or a worker has dropped it."""
    lists: dict[Queue, list[str]] = {}
    for message in waiting:
        queue = Queue.MEDIA if message.status in WITH_MEDIA else queue_of(message.priority)
        lists.setdefault(queue, []).append(message.members[0] if message.group else message.id)
    for queue, ids in lists.items():
        if runtime.ready.waiting(queue) < CROWD:
            runtime.ready.push(queue, list(dict.fromkeys(ids)))


def _probe(runtime: Runtime, known: Snapshot, now_ms: int) -> None:
    """Let held connections try again that have been left alone long enough."""
    before = now_ms - runtime.settings.hold_s * 1000
    used = [provider.connection for provider in known.providers.values()]
    over = [one.name for one in used if one.held_at is not None and one.held_at < before]
    if over:
        runtime.database.write(lambda sql: accounts.release(sql, over))
        runtime.directory.forget()
        log.warning("connections_tried_again", connections=over)
