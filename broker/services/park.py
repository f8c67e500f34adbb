"""Set work aside that breaks its takes, with its content, so that nobody else suffers from it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson
import structlog

from broker.dispatch import Queue
from broker.domain.dead import DIED, LOST, SET_ASIDE, TRIES, Kind, Letter, Trace
from broker.domain.ids import new_id
from broker.domain.message import Message
from broker.keyspace import content, keys
from broker.runtime import Runtime
from broker.services.backlog import repaired_later
from broker.services.outcome import at
from broker.storage import aside, dead, quota, webhooks
from broker.storage.aside import Aside
from broker.storage.away import StorageAway, is_away
from broker.storage.callbacks import Due
from broker.storage.database import Sql
from broker.storage.dead import Parking

log = structlog.get_logger()

BREAKS = (StorageAway, ValueError, TypeError, LookupError, ArithmeticError)
"""What is raised by a statement that cannot take what it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What Redis holds of an id: the contents of its messages by their ids, and those that can be read."""

    raw: Mapping[str, bytes]
    messages: Mapping[str, Message]


def message(runtime: Runtime, queue: Queue, name: str, trace: Trace) -> None:
    """Set a message aside; of a group all its messages.

    It is recorded without its content, which is kept sealed: so it is found, counted, and ends with its validity.
    """
    found = _admitted(runtime, name)
    sealed = {one: runtime.vault.seal(body.decode("latin-1")) for one, body in found.raw.items()}
    moment = at(runtime.ready.now_ms())

    def job(sql: Sql, *, recordable: bool) -> list[Parking]:
        if not found.raw:
            held = aside.hold(sql, aside.members(sql, name), Kind.MESSAGE)
        elif recordable:
            held = aside.enter(sql, found.messages.values())
        else:
            known = quota.recorded(sql, found.raw)
            held = [_told_by(one, body) for one, body in found.raw.items() if one not in known]
        aside.tell(sql, [one.id for one in held], moment, SET_ASIDE)
        family = name if len(held) > 1 else None
        made = [
            Parking(
                letter=_letter(Kind.MESSAGE, one, moment, trace), content=sealed.get(one.id), family=family
            )
            for one in held
        ]
        dead.park(sql, made)
        return made

    try:
        parked = runtime.database.write(partial(job, recordable=bool(found.messages)))
    except BREAKS as error:
        if is_away(error):
            raise
        parked = runtime.database.write(partial(job, recordable=False))  # not even bare
    _dropped(runtime, queue, name, [keys.content(one) for one in found.raw])
    _tell(parked, message_id=name)


def media(runtime: Runtime, name: str, trace: Trace) -> None:
    """Set the media of a message aside; the message stays where it is until its validity ends."""
    moment = at(runtime.ready.now_ms())

    def job(sql: Sql) -> list[Parking]:
        held = aside.hold(sql, aside.members(sql, name), Kind.MEDIA)
        aside.tell(sql, [one.id for one in held], moment, SET_ASIDE)
        made = [Parking(letter=_letter(Kind.MEDIA, one, moment, trace)) for one in held if one.id == name]
        dead.park(sql, made)
        return made

    parked = runtime.database.write(job)
    _dropped(runtime, Queue.MEDIA, name, [])
    _tell(parked, message_id=name)


def webhook(runtime: Runtime, digest: str, trace: Trace) -> None:
    """Set a carrier's webhook aside."""
    key = keys.webhook(digest)
    raw = runtime.suspects.contents([key]).get(key)
    if raw is not None:
        moment = at(runtime.ready.now_ms())
        subject = Aside(id=digest, account="", connection=_connection_in(raw))
        letter = _letter(Kind.WEBHOOK, subject, moment, trace)
        made = [Parking(letter=letter, content=runtime.vault.seal(raw.decode("latin-1")))]
        runtime.database.write(lambda sql: dead.park(sql, made))
        _tell(made, connection=subject.connection)
    _dropped(runtime, Queue.EVENTS, digest, [key])


def callbacks(sql: Sql, due: Sequence[Due], *, now_ms: int) -> None:
    """Name callbacks that killed their workers; their rows say that they were given up."""
    moment, trace = at(now_ms), Trace(error=DIED)
    subjects = [Aside(id=item.id, account=item.account, connection=None) for item in due]
    made = [Parking(letter=_letter(Kind.CALLBACK, one, moment, trace)) for one in subjects]
    dead.park(sql, made)
    _tell(made)


def lost(sql: Sql, names: Collection[str], *, now_ms: int) -> None:
    """Name those of the messages that neither Redis nor the record holds: somebody deleted their content."""
    if names:
        gone = set(names) - quota.recorded(sql, names)
        _name(sql, Kind.MESSAGE, gone, now_ms)


def lost_webhooks(sql: Sql, digests: Collection[str], *, now_ms: int) -> None:
    """Name those of the webhooks whose body nobody holds."""
    if digests:
        gone = set(digests) - webhooks.kept(sql, digests)
        _name(sql, Kind.WEBHOOK, gone, now_ms)


def _name(sql: Sql, kind: Kind, gone: Collection[str], now_ms: int) -> None:
    gone = set(gone) - dead.parked(sql, sorted(gone), kind)
    moment, trace = at(now_ms), Trace(error=LOST)
    subjects = [Aside(id=name, account="", connection=None) for name in sorted(gone)]
    dead.park(sql, [Parking(letter=_letter(kind, one, moment, trace)) for one in subjects])
    for name in sorted(gone):
        log.error("content_lost", kind=kind, id=name)


def _admitted(runtime: Runtime, name: str) -> Admitted:
    """Return what Redis holds of a message and of those that it leads."""
    raw: dict[str, bytes] = {}
    known: dict[str, Message] = {}
    wanted: Collection[str] = [name]
    while wanted:
        found = runtime.suspects.contents([keys.content(one) for one in wanted])
        here = {one: found[keys.content(one)] for one in wanted if keys.content(one) in found}
        raw |= here
        read = {one: message for one, body in here.items() if (message := _read(body)) is not None}
        known |= read
        wanted = (
            {member for one in read.values() for member in one.members} - raw.keys()
            if wanted == [name]
            else ()
        )
    return Admitted(raw=raw, messages=known)


def _read(body: bytes) -> Message | None:
    try:
        return content.decode(body)
    except ValueError:
        return None


def _told_by(name: str, body: bytes) -> Aside:
    """Return what a content says of whose it is, if anything."""
    try:
        told = orjson.loads(body)
    except ValueError:
        told = None
    account = told.get("account") if isinstance(told, dict) else None
    return Aside(id=name, account=account if isinstance(account, str) else "", connection=None)


def _connection_in(body: bytes) -> str | None:
    try:
        return str(orjson.loads(body.partition(b"\n")[0])["connection"])
    except (ValueError, TypeError, KeyError):
        return None


def _letter(kind: Kind, subject: Aside, moment: datetime, trace: Trace) -> Letter:
    return Letter(
        id=new_id(),
        kind=kind,
        subject=subject.id,
        account=subject.account or None,
        connection=subject.connection,
        at=moment,
        tries=TRIES,
        error=trace.error,
        where=trace.where,
    )


def _dropped(runtime: Runtime, queue: Queue, name: str, contents: Collection[str]) -> None:
    with repaired_later():
        runtime.ready.drop(queue, [name], contents=contents)
        runtime.suspects.acquit(queue, name)


def _tell(parked: Collection[Parking], **known: str | None) -> None:
    for one in parked:
        letter = one.letter
        log.error("work_parked", kind=letter.kind, error=letter.error, where=list(letter.where), **known)
