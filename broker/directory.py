"""What a worker must know of connections, routes and accounts, remembered for a moment."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from broker.domain.account import CallbackPlan, Connection, Route
from broker.domain.message import Message
from broker.domain.quiet import QuietHours
from broker.domain.rules import Rules
from broker.providers.base import Provider
from broker.providers.choice import provider_for
from broker.storage import accounts, rules
from broker.storage.database import Database, Sql
from broker.storage.vault import Vault

FRESH_S = 2.0
"""How long what was read is believed: a change takes effect within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Connections and accounts as they were at one moment. `owners` maps our numbers to accounts.

    `callbacks` holds those accounts that want to be told, or say how; `rules` those that have any of their own, `quiet`
    those that have quiet hours.
    """

    providers: Mapping[str, Provider]
    routes: Mapping[tuple[str, str], Route]
    owners: Mapping[str, str]
    policies: Mapping[str, str]
    callbacks: Mapping[str, CallbackPlan] = field(default_factory=dict)
    rules: Mapping[str, Rules] = field(default_factory=dict)
    quiet: Mapping[str, QuietHours] = field(default_factory=dict)

    def connection_for(self, message: Message) -> Connection | None:
        """Return who carries a message: the connection it names, its route's, its sender's, or the first there is."""
        if message.connection is not None:
            named = self.providers.get(message.connection)
            return None if named is None else named.connection
        route = self.routes.get((message.account, message.originator))
        if route is not None and route.connection in self.providers:
            return self.providers[route.connection].connection
        known = [provider.connection for provider in self.providers.values()]
        owning = (connection for connection in known if message.originator in connection.senders)
        return next(owning, known[0] if known else None)

    def other_for(self, message: Message, usual: Connection) -> Connection | None:
        """Return the other connection of a message's route, if it has two and this one may carry its sender."""
        route = self.routes.get((message.account, message.originator))
        if route is None or route.fallback is None:
            return None
        other = {route.connection: route.fallback, route.fallback: route.connection}.get(usual.name)
        provider = self.providers.get(other or "")
        if provider is None or provider.connection.name == usual.name:
            return None
        # A route says itself that its first connection carries the sender.
        may = other == route.connection or message.originator in provider.connection.senders
        return provider.connection if may else None


class Directory:
    """Reads the snapshot from SQL, at most once in two seconds. For threads."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._open = lru_cache(maxsize=4096)(vault.open)
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._read_at = 0.0

    def look(self) -> Snapshot:
        """Return what is known."""
        with self._lock:
            now = time.monotonic()
            if self._snapshot is None or now - self._read_at > FRESH_S:
                self._snapshot = self._database.read(self._read)
                self._read_at = now
            return self._snapshot

    def forget(self) -> None:
        """Read anew at the next look."""
        with self._lock:
            self._snapshot = None

    def _read(self, sql: Sql) -> Snapshot:
        return Snapshot(
            providers={c.name: provider_for(c) for c in accounts.all_connections(sql, self._vault)},
            routes=accounts.all_routes(sql),
            owners=accounts.owners(sql),
            policies=accounts.policies(sql),
            callbacks=accounts.callback_plans(sql, self._open),
            rules=rules.every(sql),
            quiet=accounts.quiet_hours(sql),
        )
