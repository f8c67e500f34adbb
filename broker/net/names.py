"""Host names to addresses, asked once for all who want to know at the same time."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

_FRESH_S = 10.0

Ask = Callable[[str], Awaitable[list[str]]]


async def ask_system(host: str) -> list[str]:
    """Return the addresses of a name, as the system's resolver gives them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Names:
    """Remember addresses for a few seconds.

    A burst of new connections would otherwise ask once each, and fill the process's thread pool with it.
    """

    def __init__(self, ask: Ask = ask_system) -> None:
        self._ask = ask
        self._known: dict[str, tuple[float, asyncio.Task[list[str]]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """Return the addresses of a name or address, at least one.

        Raises:
            OSError: there is no such name, or nobody could say.
        """
        if _is_address(host):
            return [host]
        loop = asyncio.get_running_loop()
        asked_at, task = self._known.get(host, (0.0, None))
        if task is None or (task.done() and (asked_at + _FRESH_S < loop.time() or _failed(task))):
            task = loop.create_task(self._find(host))
            # Those who ask may all be gone when it fails; somebody has to take note then.
            task.add_done_callback(_failed)
            self._known[host] = loop.time(), task
        return await asyncio.shield(task)

    async def _find(self, host: str) -> list[str]:
        found = await self._ask(host)
        if not found:
            raise OSError(f"{host} has no address")
        return found

    async def close(self) -> None:
        """Stop asking."""
        for _, task in self._known.values():
            task.cancel()
        await asyncio.gather(*(task for _, task in self._known.values()), return_exceptions=True)


def _failed(task: asyncio.Task[list[str]]) -> bool:
    return task.cancelled() or task.exception() is not None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
