"""The connections that webhooks may come in on, also while SQL is away."""

import asyncio
from collections.abc import Container, Mapping
from concurrent.futures import Executor

from broker.directory import FRESH_S, Directory, Snapshot
from broker.domain.account import Connection
from broker.domain.message import Message
from broker.errors import Busy, ConfigurationError, NotFound
from broker.log import get_logger
from broker.providers.base import Provider
from broker.storage.away import StorageAway

log = get_logger()

PATIENCE_S = 1.0
"""Longest wait for SQL when a connection is asked for that is not known here."""


class Carriers:
    """Remembers what the directory said last, and asks it again every two seconds."""

    def __init__(self, directory: Directory, executor: Executor) -> None:
        self._directory = directory
        self._executor = executor
        self._snapshot: Snapshot | None = None
        self._serves = False

    async def find(self, name: str) -> Provider:
        """Return the carrier of a connection.

        Raises:
            NotFound: there is no such connection.
            Busy: SQL is away, and it is not known here.
        """
        if self._snapshot is None or name not in self._snapshot.providers:
            await self._ask(name)
        known = self._snapshot
        if known is None:
            raise Busy("connections cannot be read now")
        try:
            return known.providers[name]
        except KeyError:
            raise NotFound("there is no such connection") from None

    def known(self) -> Snapshot | None:
        """Return what the directory said last, if it ever did."""
        return self._snapshot

    def names(self) -> Container[str]:
        """Return the names of all connections that are known."""
        return () if self._snapshot is None else self._snapshot.providers

    def providers(self) -> Mapping[str, Provider]:
        """Return every connection that is known, by name."""
        return {} if self._snapshot is None else self._snapshot.providers

    def is_fresh(self) -> bool:
        """Say whether SQL served when it was last asked."""
        return self._serves

    def held(self) -> dict[tuple[str, ...], float]:
        """Return for each connection 1 if it is held, as its credentials fail, or a person stopped or drains it."""
        found: dict[tuple[str, ...], float] = {}
        for name, provider in self.providers().items():
            found[name, "credentials"] = float(provider.connection.held_at is not None)
            found[name, "person"] = float(provider.connection.stop is not None)
        return found

    def carries(self, message: Message) -> bool:
        """Say whether a connection can carry a message, as far as is known here."""
        return self._snapshot is None or self._snapshot.connection_for(message) is not None

    def chosen(self, message: Message) -> Connection | None:
        """Return who would carry a message, as far as is known here."""
        return None if self._snapshot is None else self._snapshot.connection_for(message)

    def paced(self) -> list[Connection]:
        """Return the connections that have a rate."""
        known = [provider.connection for provider in self.providers().values()]
        return [connection for connection in known if connection.is_paced]

    async def look(self) -> bool:
        """Ask the directory; return whether it could say."""
        loop = asyncio.get_running_loop()
        try:
            self._snapshot = await loop.run_in_executor(self._executor, self._directory.look)
            self._serves = True
        except (StorageAway, OSError):
            self._serves = False
            return False
        except ConfigurationError as error:
            log.error("connections_unusable", reason=str(error))
            return False
        return True

    async def watch(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(FRESH_S)

    async def _ask(self, name: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                known = await self.look()
        except TimeoutError:
            known = False
        if not known and (self._snapshot is None or name not in self._snapshot.providers):
            raise Busy("connections cannot be read now")
