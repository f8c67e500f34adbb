"""Take what customers are owed, and tell them."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from broker.directory import Snapshot
from broker.domain.account import CallbackPlan
from broker.domain.callback import CallbackState, InboundMode, Telling
from broker.domain.dead import DIED, TRIES
from broker.domain.endpoint import account_of
from broker.domain.message import Message
from broker.domain.status import Event, Status
from broker.errors import BrokerError
from broker.keyspace.circuits import OPENS_AFTER, Leave
from broker.log import each
from broker.metrics.measures import WEBHOOK_OUT
from broker.runtime import Runtime
from broker.services import counting, park, traces
from broker.services.backlog import repaired_later
from broker.services.outcome import at
from broker.services.owing import tell_soon, telling_of
from broker.services.tell import dialect_of, tell
from broker.services.told import Answer, Result, asked_ms, is_well, judge
from broker.storage import callbacks, messages
from broker.storage.callbacks import WHOLE, Due, Tried
from broker.storage.database import Sql
from broker.storage.messages import Move, Moved

log = structlog.get_logger()

_OUTCOMES: Mapping[CallbackState, str] = {
    CallbackState.TOLD: "told",
    CallbackState.OWED: "tried_again",
    CallbackState.HELD: "held_back",
    CallbackState.GIVEN_UP: "given_up",
}
"""Where a try leaves a callback, as metrics call it."""

PATIENCE_S = 1.0
"""How long a take waits for slow endpoints, and how long a quick answer may wait for a slow one to be recorded."""

BULKY = 8
"""Most callbacks in flight at an endpoint that is told of an MMS with all its files, which are in memory meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What one endpoint is told in one go, and whether that is to find out if it is there again.

    `earlier` has, by the callbacks' ids, what those before them say.
    """

    endpoint: str
    probe: bool
    due: tuple[Due, ...]
    messages: Mapping[str, Message]
    earlier: Mapping[str, frozenset[Status]]


def take(runtime: Runtime) -> None:
    """Tell customers up to a take's worth of what they are owed; who is slow to answer is not waited for."""
    known = runtime.directory.look()
    now_ms = runtime.ready.now_ms()
    waiting = runtime.database.read(lambda sql: callbacks.endpoints(sql, now_ms))
    waiting = [one for one in waiting if runtime.berths.free(one)]
    by_telling: dict[tuple[Telling, bool], list[str]] = {}
    # Of very many, some at random.
    for endpoint in random.sample(waiting, min(len(waiting), runtime.settings.take_size)):
        plan = known.callbacks.get(account_of(endpoint), CallbackPlan())
        telling = telling_of(plan)
        bulky = telling.brings_files and plan.manner.inbound is InboundMode.POST
        by_telling.setdefault((telling, bulky), []).append(endpoint)
    visits: list[Visit] = []
    try:
        for (telling, bulky), endpoints in by_telling.items():
            visits += _claim(runtime, telling, endpoints, now_ms, each=BULKY if bulky else None)
    finally:
        # Also where the next claim broke: these have their berths, and nobody else tells of them meanwhile.
        if visits:
            runtime.loop.run(_start(runtime, known, visits))


def _claim(
    runtime: Runtime, telling: Telling, endpoints: Sequence[str], now_ms: int, *, each: int | None
) -> list[Visit]:
    """Claim a fair share for every endpoint that may be tried; at most `each` are in flight, or as many as usual."""
    settings = runtime.settings
    # Twice as long as an answer may take, so that nobody else asks the same meanwhile.
    lease_s = (telling.timeout_s or settings.callback_timeout_s) * 2
    asked = runtime.circuits.ask(endpoints, probe_s=lease_s)
    leave = {one: said for one, said in asked.items() if said is not Leave.NO}
    fair = max(1, settings.take_size // max(1, len(leave)))
    shares = {
        one: runtime.berths.take(one, min(fair, OPENS_AFTER) if said is Leave.PROBE else fair, each=each)
        for one, said in leave.items()
    }
    job = partial(
        _claim_in,
        shares=shares,
        now_ms=now_ms,
        until_ms=now_ms + round(lease_s * 1000) + 5000,
        ends_at=now_ms + round(settings.callback_for_s * 1000),
    )
    due: list[Due] = []
    try:
        due, found, earlier, set_aside = runtime.database.write(job)
    finally:
        claimed = Counter(item.endpoint for item in due)
        for endpoint, share in shares.items():
            runtime.berths.give_back(endpoint, share - claimed[endpoint])
    _count(runtime, Counter({_OUTCOMES[CallbackState.GIVEN_UP]: set_aside}))
    tell_soon(runtime.schedule, owed=any(claimed[one] == share > 0 for one, share in shares.items()))
    return [
        Visit(
            endpoint=endpoint,
            probe=leave[endpoint] is Leave.PROBE,
            due=tuple(item for item in due if item.endpoint == endpoint),
            messages=found,
            earlier=earlier,
        )
        for endpoint in claimed
    ]


def _claim_in(
    sql: Sql, *, shares: Mapping[str, int], now_ms: int, until_ms: int, ends_at: int
) -> tuple[list[Due], dict[str, Message], dict[str, frozenset[Status]], int]:
    claimed = callbacks.claim(sql, shares, now_ms=now_ms, until_ms=until_ms, ends_at=ends_at)
    due, set_aside = _without_fatal(sql, claimed, now_ms=now_ms)
    return due, messages.load(sql, {item.message_id for item in due}), callbacks.earlier(sql, due), set_aside


def _without_fatal(sql: Sql, claimed: Sequence[Due], *, now_ms: int) -> tuple[list[Due], int]:
    """Set aside what nobody survived to tell, take of what may be like it one at a time; tell how many are aside."""
    fatal = [item for item in claimed if item.begun > TRIES]
    if fatal:
        ended = [
            (one, Tried(id=one.id, state=CallbackState.GIVEN_UP, error=f"set aside: {DIED}")) for one in fatal
        ]
        callbacks.settle(sql, [tried for _, tried in ended])
        messages.move(sql, [move for pair in ended for move in _moves(*pair, now_ms)])
        park.callbacks(sql, fatal, now_ms=now_ms)
    suspects = [item for item in claimed if item.begun == TRIES][1:]
    callbacks.release(sql, suspects, now_ms=now_ms)
    away = {item.id for item in (*fatal, *suspects)}
    return [item for item in claimed if item.id not in away], len(fatal)


def _count(runtime: Runtime, outcomes: Mapping[str, int]) -> None:
    """Count what came of callbacks, for this process's page and for everybody's."""
    if not any(outcomes.values()):
        return
    runtime.meter.add(WEBHOOK_OUT, {(name,): number for name, number in outcomes.items()})
    with repaired_later():
        runtime.figures.count(outcomes)


async def _start(runtime: Runtime, known: Snapshot, visits: Sequence[Visit]) -> None:
    """Visit every endpoint, and return once that is done or takes long; then it goes on by itself."""
    tasks = [asyncio.create_task(_visit(runtime, known, visit)) for visit in visits]
    for task in tasks:
        runtime.errands.add(task)
        task.add_done_callback(partial(_done, runtime))
    await asyncio.wait(tasks, timeout=PATIENCE_S)


def _done(runtime: Runtime, task: asyncio.Task[None]) -> None:
    runtime.errands.discard(task)
    if not task.cancelled() and task.exception() is not None:
        # The lease of these callbacks runs out, and they are tried again.
        log.error("callbacks_broke", exc_info=task.exception())


async def _visit(runtime: Runtime, known: Snapshot, visit: Visit) -> None:
    tasks = {asyncio.create_task(_tell(runtime, known, visit, item)): item for item in visit.due}
    try:
        while tasks:
            done, _ = await asyncio.wait(tasks, timeout=PATIENCE_S)
            if done:
                results = [(tasks[task], _result(task)) for task in done]
                await asyncio.to_thread(_record, runtime, known, visit, results)
                runtime.berths.give_back(visit.endpoint, len(done))
                for task in done:
                    del tasks[task]
    finally:
        runtime.berths.give_back(visit.endpoint, len(tasks))


async def _tell(runtime: Runtime, known: Snapshot, visit: Visit, item: Due) -> Answer:
    earlier = visit.earlier.get(item.id, frozenset())
    message = visit.messages[item.message_id]
    telling = tell(runtime, known, message, item, earlier=earlier)
    if runtime.tracing is None:
        return await telling
    return await traces.told(runtime.tracing, message, item, telling)


def _result(task: asyncio.Task[Answer]) -> Result:
    return task.exception() or task.result()


def _record(runtime: Runtime, known: Snapshot, visit: Visit, results: Sequence[tuple[Due, Result]]) -> None:
    now_ms = runtime.ready.now_ms()
    settings = runtime.settings
    found = []
    for item, result in results:
        telling = dialect_of(known, visit.messages[item.message_id], item).telling
        found.append((item, judge(result, item, now_ms=now_ms, settings=settings, telling=telling)))
    ill = [result for _, result in results if not is_well(result)]

    def job(sql: Sql) -> tuple[int, list[Moved]]:
        # What has waited behind failures for longer than it should need not be tried to be known to fail.
        late = callbacks.over(sql, visit.endpoint, now_ms, limit=settings.take_size) if ill else []
        ended = [
            (one, Tried(id=one.id, state=CallbackState.GIVEN_UP, error="its endpoint fails")) for one in late
        ]
        callbacks.settle(sql, [tried for _, tried in (*found, *ended)])
        moved = messages.move(sql, [move for pair in (*found, *ended) for move in _moves(*pair, now_ms)])
        return len(ended), moved

    late, moved = runtime.database.write(job)
    counting.ended(runtime.meter, moved)
    outcomes = Counter(_OUTCOMES[tried.state] for _, tried in found)
    outcomes += Counter({_OUTCOMES[CallbackState.GIVEN_UP]: late})
    _count(runtime, outcomes)
    with repaired_later():
        _note(runtime, visit, [result for _, result in results])
    tell_soon(runtime.schedule, owed=True)
    for result in ill:
        if isinstance(result, BaseException) and not isinstance(result, BrokerError):
            log.error("callback_broke", exc_info=result)
    each("callback_tried", (_line(due, tried) for due, tried in found))


def _line(due: Due, tried: Tried) -> dict[str, str | int | None]:
    """Return what the log says of a try."""
    return {
        "message_id": due.message_id,
        "status": due.status,
        "account": due.account,
        "attempt": due.attempts,
        "outcome": tried.state,
        "http_status": tried.http_status,
    }


def _moves(item: Due, tried: Tried, now_ms: int) -> list[Move]:
    """Return the end of an arrival: it is forwarded, or given up."""
    event = {CallbackState.TOLD: Event.FORWARD, CallbackState.GIVEN_UP: Event.GIVE_UP_FORWARD}.get(
        tried.state
    )
    if event is None or item.status not in WHOLE:
        return []
    return [Move(id=item.message_id, event=event, at=at(now_ms), key=event, detail=tried.error)]


def _note(runtime: Runtime, visit: Visit, results: Sequence[Result]) -> None:
    """Tell the endpoint's circuit how it went; who asks for a pause gets it, even if others were answered."""
    ill = [result for result in results if not is_well(result)]
    wanted_ms = max((asked_ms(result) for result in ill), default=0)
    pause_ms = 0
    if len(ill) < len(results):
        runtime.circuits.worked(visit.endpoint)
        ill = ill if wanted_ms else []
    for _ in ill[: 1 if visit.probe else OPENS_AFTER]:
        pause_ms = runtime.circuits.failed(visit.endpoint, probe=visit.probe, asked_ms=wanted_ms)
    if pause_ms:
        log.warning("endpoint_paused", account=visit.due[0].account, pause_ms=pause_ms)
