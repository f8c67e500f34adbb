"""Whether the process is about to end, and whether it still works on something."""

import asyncio
from contextlib import suppress


class Leaving:
    """Counts requests in flight; once told to leave, connections are to be closed after their next answer."""

    def __init__(self) -> None:
        self.told = False
        self._active = 0
        self._idle = asyncio.Event()

    def begin(self) -> None:
        """Count a request in."""
        self._active += 1

    def end(self) -> None:
        """Count a request out."""
        self._active -= 1
        if self.told and not self._active:
            self._idle.set()

    async def finish(self, within_s: float) -> None:
        """Leave: return when nothing is in flight any more, or the time is up.

        aiohttp stops reading as soon as it shuts down, so a body that is still coming in must be waited for before.
        """
        self.told = True
        if self._active:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), within_s)
