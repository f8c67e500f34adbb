"""An answer that a proxy keeps from its client, for as long as the client lives."""

import asyncio


class Snare:
    """Waits for an answer that begins with `marker`.

    `caught` is set once the server has given that answer and its client has not; `lost` once the client
    is gone that was to have it. Until then `free` passes it on.
    """

    def __init__(self, marker: bytes) -> None:
        self._marker = marker
        self._free = asyncio.Event()
        self.caught = asyncio.Event()
        self.lost = asyncio.Event()

    async def hold(self, answer: bytes) -> None:
        """Keep the first answer of our kind; let every other pass."""
        if self.caught.is_set() or self._free.is_set() or not answer.startswith(self._marker):
            return
        self.caught.set()
        try:
            await self._free.wait()
        except asyncio.CancelledError:  # by the proxy: the connection has ended
            self.lost.set()
            raise

    def free(self) -> None:
        """Pass on what is held, and catch nothing more."""
        self._free.set()
