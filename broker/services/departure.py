"""When a create call may start: in a slot of its own, and not too late."""

import asyncio
import time
from functools import partial

from broker.domain.account import Connection
from broker.domain.message import Message
from broker.domain.pace import price
from broker.errors import Unavailable
from broker.keyspace.client import AWAY
from broker.keyspace.lanes import Slot
from broker.keyspace.slots import Slots


class Departure:
    """Waits until a create call may start; each one, also a repeat of one that never arrived, needs a slot of its own.

    `slot` is the one the message came with. Over a connection without a rate none is needed.
    """

    def __init__(
        self, message: Message, connection: Connection, *, slots: Slots, slot: Slot | None, not_after: float
    ) -> None:
        self._slot = slot
        self._not_after = not_after
        self._book = (
            partial(slots.book, connection, message.originator, price=price(message, connection.mps_unit))
            if connection.is_paced
            else None
        )

    async def __call__(self) -> None:
        """Return in time.

        Raises:
            Unavailable: there is no slot before it is too late (on the monotonic clock), or it is too late already.
        """
        while self._book is not None:
            slot, self._slot = self._slot, None
            if slot is None:
                # It was over before we came here: uploads took long, or this worker slept.
                slot = await self._next_slot()
            await asyncio.sleep(max(0.0, slot.starts_at - time.monotonic()))
            if time.monotonic() <= slot.ends_at:
                break
        if time.monotonic() > self._not_after:
            raise Unavailable("there was no time left to wait for an answer", retry_after_s=0)

    async def _next_slot(self) -> Slot:
        assert self._book is not None
        try:
            slot = await self._book(within_s=self._not_after - time.monotonic())
        except (*AWAY, TimeoutError) as error:
            raise Unavailable("there is no slot while Redis is away", retry_after_s=0) from error
        if slot is None:
            raise Unavailable("there was no slot before its time was over", retry_after_s=0)
        return slot
