"""Refuse at the door what could not leave before its validity is over."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from broker.domain.account import Connection
from broker.domain.message import Message, Priority
from broker.errors import Busy
from broker.keyspace.client import AWAY
from broker.keyspace.crowds import Crowds
from broker.keyspace.flows import flow_of

EVERY_S = 1.0
"""Between two looks."""

LEAST_S = 1.0
"""A shorter wait is none."""

MANY = 100
"""Fewer messages of an account that are not on record yet are on their way there."""

LONGEST_S = 3600
"""Longest time after which a customer is told to ask again."""


class Delays:
    """Estimates when messages of paced senders could leave, from what waited in their lanes a moment ago."""

    def __init__(
        self,
        look: Callable[[Sequence[str]], Awaitable[Crowds]],
        *,
        paced: Callable[[], Sequence[Connection]],
        chosen: Callable[[Message], Connection | None],
        remembers: Callable[[str, str], Awaitable[bool]],
    ) -> None:
        self._look = look
        self._paced = paced
        self._chosen = chosen
        self._remembers = remembers
        self._crowds = Crowds(lanes={}, flows={})

    def __bool__(self) -> bool:
        """Say whether anything waits for long."""
        return bool(self._crowds.lanes or self._crowds.flows)

    async def check(self, messages: Sequence[Message], now: datetime, *, key: str | None) -> None:
        """Return if messages that come now could leave before their validity is over, as far as can be told.

        A request that was taken before goes on: it gets the answer that it got.

        Raises:
            Busy: they could not; it says when they could, and when to ask again.
        """
        first, last = messages[0], messages[-1]
        wait_s = self._wait_s(last, len(messages))
        starts = now + timedelta(seconds=wait_s)
        if wait_s < LEAST_S or starts < last.valid_until:
            return
        if key and await self._remembers(first.account, key):
            return
        again_s = (starts - last.valid_until).total_seconds()
        raise Busy(
            "its sender has so much waiting that it could not leave before "
            f"{starts:%Y-%m-%dT%H:%M:%SZ}, when its validity is over",
            retry_after_s=min(max(math.ceil(again_s), 1), LONGEST_S),
        )

    def _wait_s(self, message: Message, count: int) -> float:
        """Return how long the last of so many messages waits for its slot; each sender's lane has its turn."""
        connection = self._chosen(message)
        if connection is None:
            return 0.0
        of, place = self._crowds.lanes, (connection.name, message.originator)
        lane: Mapping[Priority, int] = of.get(place, {})
        ahead = lane.get(message.priority, 0) + self._crowds.flows.get(flow_of(message), 0) + count - 1
        wait_s = 0.0 if connection.sender_mps is None else ahead / connection.sender_mps
        if connection.mps is not None:
            others = (
                min(depth[Priority.BULK], ahead)
                for name, depth in of.items()
                if name[0] == connection.name and name != place
            )
            wait_s = max(wait_s, (ahead + sum(others)) / connection.mps)
        return wait_s

    async def look(self) -> None:
        """Count anew what waits in the lanes of connections that have a rate."""
        names = [connection.name for connection in self._paced()]
        crowds = await self._look(names) if names else Crowds(lanes={}, flows={})
        lanes = {name: depth for name, depth in crowds.lanes.items() if depth[Priority.BULK]}
        flows = {name: count for name, count in crowds.flows.items() if count >= MANY}
        self._crowds = Crowds(lanes=lanes, flows=flows)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            with suppress(*AWAY, TimeoutError):  # then what was seen last stands
                await self.look()
            await asyncio.sleep(EVERY_S)
