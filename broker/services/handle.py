"""Mark and delete messages for their customers; deleting what has not been sent yet cancels it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from broker.directory import Snapshot
from broker.domain import rules
from broker.domain.account import Account
from broker.domain.ask import Handled, HandleMessages, Handling
from broker.domain.folder import Folder
from broker.domain.ids import is_id
from broker.domain.message import Direction, Message
from broker.domain.status import Event, Status, sources
from broker.keyspace.clock import Clock
from broker.keyspace.unrecorded import Unrecorded
from broker.services.outcome import at
from broker.services.owing import begun, owe
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import folders, messages, retention
from broker.storage.database import Sql
from broker.storage.folders import Kept
from broker.storage.messages import Fresh, Move

CANCELLABLE = frozenset(sources(Event.CANCEL))
PASSED_ON = frozenset({Status.READY, Status.INCOMPLETE, Status.UNFORWARDED})
"""Arrivals that have reached their customer once it has fetched them, whatever its callback URL said."""
UNRECORDED = frozenset({None, Folder.OUTBOX, Folder.SCHEDULED})
"""Where a message may be meant that SQL does not hold yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a customer wants done with messages, by the names it has for them."""

    account: str
    names: tuple[str, ...]
    handling: Handling
    folder: Folder | None
    now_ms: int
    known: Snapshot
    settings: Settings


class Handle:
    """Does with messages what their customers ask for, from the instant they are ours."""

    def __init__(self, settings: Settings, *, sql: AsyncSql, unrecorded: Unrecorded, clock: Clock) -> None:
        self._settings = settings
        self._sql = sql
        self._unrecorded = unrecorded
        self._clock = clock

    async def handle(self, ask: HandleMessages, account: Account, known: Snapshot) -> Handled:
        """Mark or delete messages, and say which are so now.

        Raises:
            Busy: SQL or Redis cannot say.
        """
        wish = Wish(
            account=account.name,
            names=ask.ids,
            handling=ask.handling,
            folder=ask.folder,
            now_ms=await self._clock.now_ms(),
            known=known,
            settings=self._settings,
        )
        done, unknown = await self._sql.write(partial(do, wish=wish))
        if unknown and ask.handling is Handling.DELETE and ask.folder in UNRECORDED:
            waiting = [one for name in unknown if (one := await self._waiting(name, account)) is not None]
            # Without one in Redis too: a message that moved from there to SQL meanwhile is in SQL now.
            late, _ = await self._sql.write(partial(do, wish=wish, waiting=waiting))
            done |= late
        return Handled(ids=tuple(name for name in ask.ids if name in done))

    async def _waiting(self, name: str, account: Account) -> Message | None:
        """Return the message that nobody has taken yet which a customer means."""
        own = name.lower() if is_id(name.lower()) else None
        message = None if own is None else await self._unrecorded.find(own)
        if message is None:
            other = await self._unrecorded.named(account.name, name)
            message = None if other is None else await self._unrecorded.find(other)
        return message if message is not None and message.account == account.name else None


def do(sql: Sql, *, wish: Wish, waiting: Sequence[Message] = ()) -> tuple[set[str], list[str]]:
    """Do what a customer wants; return the names of those it is done with, and those that name nothing here.

    `waiting` are messages that SQL does not hold yet: they are entered as cancelled, and then no worker sends them.
    """
    fresh = [Fresh(message=one, event=Event.CANCEL) for one in waiting if not one.group]
    added = messages.add(sql, fresh)
    moved = begun(fresh, added)
    found = folders.named(sql, wish.names, account=wish.account)
    chosen = {name: kept for name, kept in found.items() if kept.id in added or _is_meant(kept, wish)}
    moved += messages.move(sql, [move for kept in _once(chosen.values()) for move in _moves(kept, wish)])
    ids = sorted({kept.id for kept in chosen.values()})
    act = folders.delete if wish.handling is Handling.DELETE else folders.mark
    act(sql, ids, at=at(wish.now_ms))
    if wish.handling is Handling.DELETE and wish.folder is Folder.DELETED:
        # What is deleted where deleted things are is to be gone; the sweep that removes old files does so (sheet 7.2).
        retention.leave(sql, retention.owner(wish.account, rules.Kept.MEDIA), ids)
    owe(sql, moved, wish.known, now_ms=wish.now_ms, settings=wish.settings)
    return set(chosen), [name for name in wish.names if name not in found]


def _is_meant(kept: Kept, wish: Wish) -> bool:
    if kept.folder is Folder.DELETED:
        return wish.handling is Handling.DELETE
    # The vendor's clients know no Scheduled: for them what waits for its time is in the Outbox.
    scheduled = wish.folder is Folder.OUTBOX and kept.folder is Folder.SCHEDULED
    return wish.folder is None or kept.folder is wish.folder or scheduled


def _once(chosen: Iterable[Kept]) -> Iterable[Kept]:
    return {kept.id: kept for kept in chosen}.values()


def _moves(kept: Kept, wish: Wish) -> list[Move]:
    moment = at(wish.now_ms)
    if kept.direction is Direction.IN:
        if kept.status not in PASSED_ON:
            return []
        return [Move(id=kept.id, event=Event.FORWARD, at=moment, key=Event.FORWARD, detail="fetched")]
    # A group is one submission to all its recipients: it goes on as long as one of them is to get it.
    if wish.handling is not Handling.DELETE or kept.group or kept.status not in CANCELLABLE:
        return []
    return [
        Move(id=kept.id, event=Event.CANCEL, at=moment, key=Event.CANCEL, detail="deleted before sending")
    ]
