"""Name resolution that refuses a name as soon as one of its addresses leads inside."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from broker.net.guard import Guard


class GuardedResolver(AbstractResolver):
    """Pass on what another resolver finds, if every address of it may be reached."""

    def __init__(self, guard: Guard, resolver: AbstractResolver) -> None:
        self._guard = guard
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            MediaForbidden: one of them is an inside address.
        """
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            self._guard.check_address(result["host"])
        return found

    async def close(self) -> None:
        """Close the resolver that is asked."""
        await self._resolver.close()
