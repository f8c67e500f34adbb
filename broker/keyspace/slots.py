"""Slots that are booked at the last moment, because the one that came with a message is over."""

import time
from pathlib import Path

from broker.domain.account import Connection
from broker.keyspace import keys
from broker.keyspace.client import Async
from broker.keyspace.lanes import SLOT_S, Slot
from broker.keyspace.releasing import gap_us

_SCRIPT = Path(__file__).parent / "lua" / "book.lua"


class Slots:
    """Books slots. For the loop."""

    def __init__(self, client: Async) -> None:
        self._client = client
        self._book = client.register_script(_SCRIPT.read_text())

    async def book(self, connection: Connection, sender: str, *, price: int, within_s: float) -> Slot | None:
        """Return the next slot, or None where it is not within some time."""
        names = [keys.pace(connection.name), keys.pace(connection.name, sender)]
        gaps = [gap_us(connection.mps), gap_us(connection.sender_mps)]
        before = time.monotonic()
        wait_us = int(await self._book(keys=names, args=[*gaps, price, round(max(within_s, 0) * 1e6)]))
        if wait_us < 0:
            return None
        return Slot(starts_at=time.monotonic() + wait_us / 1e6, ends_at=before + wait_us / 1e6 + SLOT_S)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.aclose()
