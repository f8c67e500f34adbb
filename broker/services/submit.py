"""Take waiting messages, hand them to their carriers, record what came of it."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial

import structlog

from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.logbook import Entry
from broker.domain.message import Message, Receipt
from broker.domain.status import Event, Status
from broker.domain.value import replace, value
from broker.errors import NotAuthorised, ProviderError
from broker.hands import Hand
from broker.keyspace import keys
from broker.keyspace.schedule import Later
from broker.providers.base import Submission
from broker.runtime import Runtime
from broker.services import counting, exchange, failover, openings, park, traces
from broker.services.backlog import queue_of, repaired_later
from broker.services.claim import Claimed, claim
from broker.services.departure import Departure
from broker.services.errand import Errand
from broker.services.lanes import later_of
from broker.services.openings import Openings
from broker.services.outcome import Result, Verdict, end_of, judge, move_of
from broker.services.outgoing import laid_out, outgoing
from broker.services.owing import owe, tell_soon
from broker.services.poison import work_on
from broker.services.recording import Notes, submitted
from broker.storage import accounts, logbook, messages, submissions
from broker.storage.database import Sql
from broker.storage.messages import Moved
from broker.storage.submissions import Ended

log = structlog.get_logger()


@value
class Try:
    """One submission of this take, and what is said meanwhile."""

    group: tuple[Message, ...]
    notes: Notes

    @property
    def connection(self) -> str:
        """The name of the connection it goes by."""
        return self.group[0].connection or ""


@value
class _Clock:
    """A moment on the monotonic clock, just before Redis's clock said `now_ms`."""

    started: float
    now_ms: int


def take(runtime: Runtime, queue: Queue) -> None:
    """Work on up to a take's worth of what waits in a queue."""
    runtime.directory.look()  # raises while SQL is away: nothing is popped then that could only be put back
    with runtime.hands.hand(partial(_ring, runtime, queue)) as hand:
        popped = hand.pop(partial(runtime.ready.pop, queue, runtime.settings.take_size))
        work = partial(_take, runtime, queue, hand)
        work_on(runtime, queue, popped, work, park=partial(park.message, runtime, queue))


def _ring(runtime: Runtime, queue: Queue) -> None:
    with repaired_later():
        runtime.schedule.ring(queue)


def _take(runtime: Runtime, queue: Queue, hand: Hand, ids: Sequence[str]) -> None:
    started, began_s = time.monotonic(), time.time()
    known = runtime.directory.look()
    admitted = runtime.ready.messages(ids)
    redeemed = runtime.lanes.redeem(queue, ids)
    now_ms = runtime.ready.hear(redeemed.now_ms)
    may = openings.look(runtime, known, redeemed)
    job = partial(
        claim,
        ids=ids,
        admitted=admitted,
        known=known,
        now_ms=now_ms,
        settings=runtime.settings,
        openings=may,
    )
    claimed: Claimed = runtime.database.write(job, first=hand.first)
    with repaired_later():  # what is claimed must go out all the same: its lease runs
        runtime.lanes.add(claimed.laned, now_ms=now_ms, detours=openings.detours(known, may, claimed.laned))
        runtime.ready.drop(queue, ids, contents=[keys.content(name) for name in admitted])
        runtime.ready.push(Queue.MEDIA, claimed.preparing)
        runtime.schedule.add(queue, claimed.waiting)
    counting.ended(runtime.meter, claimed.ended)
    counting.waited(runtime.meter, claimed.waited)
    tell_soon(runtime.schedule, owed=claimed.owed)
    hand.sent()
    if runtime.tracing is not None:
        traces.claimed(runtime.tracing, claimed.submissions, began_s=began_s)
    if claimed.submissions:
        tries = [Try(group=group, notes=Notes()) for group in claimed.submissions]
        runtime.loop.run(_start(runtime, known, may, tries, _Clock(started=started, now_ms=now_ms)))
    else:
        openings.unused(runtime, may, ())


async def _start(
    runtime: Runtime, known: Snapshot, may: Openings, tries: Sequence[Try], clock: _Clock
) -> None:
    """Make the tries and record how they ended; those that take long go on without this take."""
    left = {id(one) for one in tries}

    def settle(ended: Sequence[tuple[Try, Result]]) -> None:
        _settle(runtime, known, may, ended)
        left.difference_update(id(one) for one, _ in ended)
        if may.probing and not left:
            openings.unused(runtime, may, {one.connection for one in tries})

    await Errand(runtime, _submit_all(runtime, known, may, tries, clock), settle).run()


def _settle(runtime: Runtime, known: Snapshot, may: Openings, ended: Sequence[tuple[Try, Result]]) -> None:
    tries, results = [one for one, _ in ended], [result for _, result in ended]
    openings.slow(runtime, zip((one.group[0] for one in tries), results, strict=True))
    _record(runtime, known, may, tries, results)
    openings.tell(runtime, may, _by_connection(tries, results))


def _submit_all(
    runtime: Runtime, known: Snapshot, may: Openings, tries: Sequence[Try], clock: _Clock
) -> dict[asyncio.Task[Receipt], Try]:
    """Begin each try."""
    # No send starts after two thirds of the lease: a worker that slept must not send what another has taken over.
    # Nor after the message's validity.
    longest_s = runtime.settings.lease_s * 2 / 3

    def departure(one: Try) -> Departure:
        leader = one.group[0]
        return Departure(
            leader,
            known.providers[leader.connection or ""].connection,
            slots=runtime.slots,
            slot=may.slots.get(leader.id),
            not_after=clock.started + min(longest_s, leader.valid_until.timestamp() - clock.now_ms / 1000),
        )

    return {asyncio.create_task(_submit(runtime, known, one, departure(one))): one for one in tries}


async def _submit(runtime: Runtime, known: Snapshot, one: Try, departure: Departure) -> Receipt:
    leader = one.group[0]
    provider = known.providers[leader.connection or ""]
    async with runtime.windows[provider.connection.name]:
        shown = await laid_out(provider, leader) if leader.parts else leader
        submission = Submission(
            message=shown,
            recipients=tuple(member.recipient for member in one.group),
            tag=f"{leader.batch if leader.group else leader.id}.{leader.attempts}",
            parts=await outgoing(runtime.settings, provider, shown) if shown.parts else (),
        )
        conversation = provider.submit(submission)
        return await exchange.hold(runtime, provider, conversation, notes=one.notes, departure=departure)


def _by_connection(tries: Sequence[Try], results: Sequence[Result]) -> list[tuple[str, Result]]:
    return [(one.connection, result) for one, result in zip(tries, results, strict=True)]


def _record(
    runtime: Runtime, known: Snapshot, may: Openings, tries: Sequence[Try], results: Sequence[Result]
) -> None:
    now_ms = runtime.ready.now_ms()
    # Judged once for all members: each with a wait of its own, they would come back one by one.
    judged = [
        (one, _judge(runtime, known, may, one.group[0], result, now_ms))
        for one, result in zip(tries, results, strict=True)
    ]
    verdicts = [(message, verdict) for one, verdict in judged for message in one.group]
    refused = {
        one.group[0].connection: str(result)
        for one, result in zip(tries, results, strict=True)
        if isinstance(result, NotAuthorised)
    }
    ends, told = _told(judged, now_ms)
    deadlines = {Status.SUBMITTED: now_ms + round(runtime.settings.confirm_s * 1000)}

    def job(sql: Sql) -> tuple[list[Moved], bool]:
        moved = messages.move(
            sql, [move_of(one, verdict, now_ms=now_ms) for one, verdict in verdicts], deadlines=deadlines
        )
        submissions.end(sql, ends)
        logbook.write(sql, told)
        for name, reason in refused.items():
            accounts.hold(sql, name or "", now_ms=now_ms, reason=reason)
        return moved, owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    # What the carrier said is known only here: a database that comes back in time is waited for.
    recorded_s = time.time()
    moved, owed = runtime.database.write(job, patience_s=runtime.settings.lease_s)
    counting.ended(runtime.meter, moved)
    tried = [(one.group[0], one.notes, verdict) for one, verdict in judged]
    counting.attempts(runtime.meter, tried, now_ms=now_ms)
    if runtime.tracing is not None:
        traces.submitted(runtime.tracing, tried, recorded_s=recorded_s)
    tell_soon(runtime.schedule, owed=owed)
    _come_back(runtime, verdicts)
    _tell(runtime, results, refused)


def _judge(
    runtime: Runtime, known: Snapshot, may: Openings, message: Message, result: Result, now_ms: int
) -> Verdict:
    verdict = judge(result, message, now_ms=now_ms, settings=runtime.settings)
    if verdict.event is Event.DEFER and failover.at_once(message, known, may):
        return replace(verdict, due_at=now_ms)
    return verdict


def _told(judged: Sequence[tuple[Try, Verdict]], now_ms: int) -> tuple[list[Ended], list[Entry]]:
    """Return the ends of attempts, with entries of the log for those whose end does not say it all."""
    ends: list[Ended] = []
    told: list[Entry] = []
    for one, verdict in judged:
        plain = one.notes.is_plain and len(one.group) == 1 and verdict.event is Event.RECEIPT
        where = None if plain else logbook.IN_LOGBOOK
        ends += [end_of(member, verdict, now_ms=now_ms, exchange=where) for member in one.group]
        if not plain:
            told += submitted(one.notes, one.group[0], verdict)
    return ends, told


def _come_back(runtime: Runtime, verdicts: Sequence[tuple[Message, Verdict]]) -> None:
    later: dict[Queue, list[Later]] = {}
    for message, verdict in verdicts:
        if verdict.event is Event.DEFER and verdict.due_at is not None:
            later.setdefault(queue_of(message.priority), []).append(later_of(message, verdict.due_at))
    with repaired_later():
        for queue, entries in later.items():
            runtime.schedule.add(queue, entries)


def _tell(runtime: Runtime, results: Sequence[Result], refused: dict[str | None, str]) -> None:
    for name, reason in refused.items():
        runtime.directory.forget()
        log.error("connection_held", connection=name, reason=reason)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ProviderError):
            log.error("submission_broke", exc_info=result)
