"""Admission: from a composed request to a message that is ours."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import orjson

from broker import dispatch
from broker.dispatch import Queue
from broker.domain import period
from broker.domain.account import Account
from broker.domain.charge import PRICE
from broker.domain.ids import new_id, new_number
from broker.domain.message import Message, Priority
from broker.domain.value import replace, value
from broker.errors import KeyReused
from broker.keyspace import keys
from broker.keyspace.books import entry_of
from broker.keyspace.content import encode
from broker.keyspace.counters import exceeded
from broker.keyspace.flows import flow
from broker.keyspace.gathering import Gathering
from broker.keyspace.line import Line, Script, Word
from broker.settings import Settings

MOST_TOGETHER = 500
"""Most messages of one script call, so that Redis is never held up for long."""

MARKER_MS = 30_000
"""How long a call's answer is kept: longer than a lost answer is asked for again."""

_QUEUES = (Queue.SUBMIT, Queue.SUBMIT_HIGH)
_QUEUE_KEYS = tuple(
    key
    for queue in _QUEUES
    for key in (keys.fresh(queue), keys.rounds(queue), keys.outbox(queue), str(queue))
)
_FIRST_KEY = {Queue.SUBMIT: 2, Queue.SUBMIT_HIGH: 6}


@value
class AdmissionRequest:
    """One composed request: all its messages are taken, or none.

    `key` is the customer's idempotency key, `digest` the fingerprint of what must not change under it. A request
    whose messages have a public number has no key.
    """

    account: Account
    messages: tuple[Message, ...]
    key: str | None = None
    digest: str = ""
    now: datetime


@value
class AdmissionResult:
    """The ids that are now ours, in the order of the recipients; for a replay the ids given the first time."""

    ids: tuple[str, ...]
    batch: str | None
    replayed: bool = False
    number: int | None = None


class Cold(Enum):
    """A counter of the account is missing: seed it and ask again."""

    COLD = "cold"


class Admission:
    """Admits requests in micro-batches, one atomic script call for all that wait.

    Every method raises Busy or OutcomeUncertain as `Line.run` does.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        patience_s = settings.redis_timeout_s
        self._line = Line(url, Script("admit"), level=settings.durability, patience_s=patience_s)
        self._fixed: tuple[Word, ...] = (keys.UNPOPPED_MS, settings.worker_threads)
        self._lives: tuple[Word, ...] = (MARKER_MS, settings.idempotency_s * 1000)
        self._gathering: Gathering[_Entry, str] = Gathering(self._together, most=MOST_TOGETHER)

    async def open(self) -> None:
        """Connect, and make sure that the server gives the durability level.

        Raises:
            ConfigurationError: it does not.
            Busy: it cannot be reached.
        """
        await self._line.open()

    async def admit(self, request: AdmissionRequest) -> AdmissionResult | Cold:
        """Take the request, or say why not.

        Raises:
            KeyReused, QuotaExceeded, OutOfCredit: refused, nothing is kept of it.
        """
        entry = _Entry(request)
        answer = await self._gathering.join(entry, weight=len(entry.ids))
        if answer == "ok":
            first = request.messages[0]
            return AdmissionResult(ids=entry.ids, batch=first.batch, number=first.number)
        if answer == "other" and request.messages[0].number is not None:
            return await self.admit(_renumbered(request))
        if answer.startswith("same "):
            _, _, batch, *ids = answer.split(" ")
            return AdmissionResult(ids=tuple(ids), batch=batch if batch != "-" else None, replayed=True)
        return _refusal(answer, request)

    async def close(self) -> None:
        """Finish what waits and disconnect."""
        await self._gathering.finish()
        await self._line.close()

    async def _together(self, entries: Sequence["_Entry"], since: float) -> Sequence[str]:
        simple = [entry for entry in entries if entry.simple]
        others = [entry for entry in entries if not entry.simple]
        rings = (dispatch.ring(queue) if any(e.queue is queue for e in entries) else b"" for queue in _QUEUES)
        marker = keys.call(new_id())
        contents = (keys.content(entry.ids[0]) for entry in simple)
        names: list[Word] = [marker, *_QUEUE_KEYS, keys.accepted(), *contents]
        words: list[Word] = [
            *self._fixed,
            *rings,
            *self._lives,
            len(simple),
            orjson.dumps(Counter([e.books for e in simple])),
            *(word for e in simple for word in (e.flow, e.contents[0])),
        ]
        for entry in others:
            names += (name or marker for name in _names(entry.request))
            names += map(keys.content, entry.ids)
            words += _words(entry)
        answer: bytes = await self._line.run(names, words, since=since)
        lines = iter(answer.decode().split("\n"))
        return ["ok" if entry.simple else next(lines) for entry in entries]


class _Entry:
    """One request and what was made of it ahead of the call; a `simple` one cannot be refused."""

    __slots__ = ("books", "contents", "flow", "ids", "queue", "request", "simple")

    def __init__(self, request: AdmissionRequest) -> None:
        messages, account = request.messages, request.account
        self.request = request
        self.ids = tuple([message.id for message in messages])
        self.contents = [encode(message) for message in messages]
        priority = messages[0].priority
        self.queue = Queue.SUBMIT_HIGH if priority is Priority.HIGH else Queue.SUBMIT
        self.flow = flow(account.name, priority)
        self.books = entry_of(account.name, self.ids[0])
        self.simple = (
            len(messages) == 1
            and request.key is None
            and messages[0].number is None
            and self.queue is Queue.SUBMIT
            and account.daily_limit is account.monthly_limit is account.credit is None
        )


def _renumbered(request: AdmissionRequest) -> AdmissionRequest:
    """Return the request under another public number: the one it had is somebody else's."""
    number = new_number()
    return replace(request, messages=tuple(replace(message, number=number) for message in request.messages))


def _words(entry: _Entry) -> list[Word]:
    request, account, first = entry.request, entry.request.account, entry.request.messages[0]
    digest, told = "", ""
    if request.key is not None:
        digest, told = request.digest or "-", " ".join((first.batch or "-", *entry.ids))
    elif first.number is not None:
        # Our own first id as the digest: whatever else is found under the number is another request.
        digest, told = first.id, " ".join((first.batch or "-", *entry.ids))
    return [
        _FIRST_KEY[entry.queue],
        entry.flow,
        entry.books,
        digest,
        told,
        "" if account.daily_limit is None else account.daily_limit,
        "" if account.monthly_limit is None else account.monthly_limit,
        "" if account.credit is None else PRICE * len(entry.ids),
        len(entry.ids),
        1 if first.group else len(entry.ids),
        *entry.contents,
    ]


def _names(request: AdmissionRequest) -> tuple[str | None, ...]:
    account = request.account
    number = request.messages[0].number
    key = None if request.key is None else keys.idempotency(account.name, request.key)
    if number is not None:
        key = keys.number(number)
    if account.daily_limit is account.monthly_limit is account.credit is None:
        return key, None, None, None
    day, month = period.day(request.now, account.timezone), period.month(request.now, account.timezone)
    return (
        key,
        None if account.daily_limit is None else keys.quota(account.name, day.name),
        None if account.monthly_limit is None else keys.quota(account.name, month.name),
        None if account.credit is None else keys.credit(account.name),
    )


def _refusal(answer: str, request: AdmissionRequest) -> Cold:
    if answer == "cold":
        return Cold.COLD
    if answer == "other":
        raise KeyReused("this idempotency key was used before with another request")
    raise exceeded(answer, request.account, request.now)
