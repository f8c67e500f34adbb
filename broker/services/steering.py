"""What operators do about one message: call it back, have it tried now, send it again as a new one."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256

from broker.directory import Snapshot
from broker.domain.draft import Draft, MediaRef
from broker.domain.ids import part_id
from broker.domain.message import Direction, Message, Tag
from broker.domain.record import Record
from broker.domain.status import ENDS, Event, Status
from broker.domain.value import replace
from broker.errors import Busy, InvalidField
from broker.keyspace.clock import Clock
from broker.keyspace.unrecorded import Unrecorded
from broker.services.handle import CANCELLABLE
from broker.services.on_behalf import OnBehalf
from broker.services.outcome import at
from broker.services.owing import begun, owe
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import browsing, due, erasing, messages
from broker.storage.database import Sql
from broker.storage.messages import Fresh, Move, Moved

RESEND_OF = "resend_of"
"""The tag of a message that names the one it repeats."""
AGAIN = ENDS | {Status.SUBMITTED, Status.RELAYED, Status.UNKNOWN}
"""Where sending again means something: what still waits will be sent anyway."""
_CALLED_BACK = "cancelled by an operator"
_TOO_LATE = "it does not wait any more: what a carrier has, or may have, cannot be called back"


class Steering:
    """Raises Busy while SQL or Redis is away."""

    def __init__(
        self,
        settings: Settings,
        *,
        sql: AsyncSql,
        unrecorded: Unrecorded,
        clock: Clock,
        known: Callable[[], Snapshot | None],
        on_behalf: OnBehalf,
    ) -> None:
        self._settings = settings
        self._sql = sql
        self._unrecorded = unrecorded
        self._clock = clock
        self._known = known
        self._on_behalf = on_behalf

    async def cancel(self, message_id: str) -> None:
        """Call a message back that waits, a group as a whole; its account is told, and gets the price back.

        Raises:
            InvalidField: it is too late, or too early for a group.
        """
        known = self._known()
        if known is None:
            raise Busy("messages cannot be changed now")
        now_ms = await self._clock.now_ms()
        waiting = await self._unrecorded.find(message_id)
        if waiting is not None and waiting.group:
            raise InvalidField("this group is being taken in: try again in a moment")
        fresh = [Fresh(message=waiting, event=Event.CANCEL, detail=_CALLED_BACK)] if waiting else []

        def job(sql: Sql) -> bool:
            owe(sql, _cancel(sql, message_id, fresh, now_ms), known, now_ms=now_ms, settings=self._settings)
            found = messages.load(sql, [message_id])
            return message_id in found and found[message_id].status is Status.CANCELLED

        if not await self._sql.write(job):
            raise InvalidField(_TOO_LATE)

    async def hasten(self, message_id: str) -> None:
        """Have a message tried now that waits for its next try, in spite of the time that was set for it.

        Raises:
            InvalidField: it does not wait for one.
        """
        now_ms = await self._clock.now_ms()
        if not await self._sql.write(partial(_hasten, message_id=message_id, now_ms=now_ms)):
            raise InvalidField("it does not wait for its next try")

    async def resend(self, record: Record, *, once: str, who: str) -> str:
        """Send what a message holds as a new one, whose tag names it; return the new id, the same for the same `once`.

        Raises:
            InvalidField: it may still go out by itself, or its content is not kept any more.
            RequestError, AdmissionError: as any send.
        """
        message = record.message
        if message.direction is Direction.IN or message.status not in AGAIN:
            raise InvalidField("it still waits and will go out by itself: cancel it first")
        if await self._sql.read(partial(browsing.is_redacted, message_id=message.id)):
            raise InvalidField("its content was removed when its time was over: nothing is left to send")
        words = "\0".join((message.id, message.recipient, once))
        draft = replace(
            again(message),
            key=f"resend by {who}: {once}",
            digest=sha256(words.encode(errors="surrogatepass")).hexdigest(),
        )
        return (await self._on_behalf.send(message.account, draft)).ids[0]


def again(message: Message) -> Draft:
    """Return the draft of a message like another; the customer's own reference stays with the first."""
    media = tuple(
        MediaRef(media_id=part_id(message.id, part.index), pointer=f"/media/{place}")
        for place, part in enumerate(message.parts)
    )
    tags = tuple(tag for tag in message.tags if tag.name != RESEND_OF)
    return Draft(
        recipients=(message.recipient,),
        originator=message.originator,
        text=message.text,
        subject=message.subject,
        media=media,
        priority=message.priority,
        tags=(*tags, Tag(name=RESEND_OF, value=message.id)),
        callback_url=message.callback_url,
        connection=message.connection if message.pinned else None,
        note=message.note,
        subaccount=message.subaccount,
        reports=message.reports,
    )


def _cancel(sql: Sql, message_id: str, fresh: list[Fresh], now_ms: int) -> list[Moved]:
    moved = begun(fresh, messages.add(sql, fresh))
    found = messages.load(sql, erasing.with_groups(sql, [message_id]))
    moves = [
        Move(id=name, event=Event.CANCEL, at=at(now_ms), key=Event.CANCEL, detail=_CALLED_BACK)
        for name, one in sorted(found.items())
        if one.status in CANCELLABLE
    ]
    return moved + messages.move(sql, moves)


def _hasten(sql: Sql, *, message_id: str, now_ms: int) -> int:
    return due.hasten(sql, erasing.with_groups(sql, [message_id]), now_ms)
