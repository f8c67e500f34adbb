"""Say which account a request comes from."""

import asyncio
import ipaddress
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from broker.dialects.base import Credentials
from broker.domain.account import Account
from broker.errors import AddressNotAllowed, AuthenticationFailed, RecordsAway
from broker.services.passwords import Passwords
from broker.storage import accounts
from broker.storage.away import StorageAway
from broker.storage.database import Database, Sql
from broker.storage.vault import fingerprint

FRESH_S = 30.0
"""How long an account is believed to be as it was read."""
PATIENCE_S = 1.0
"""Longest wait for SQL; after that a known account is believed to be as it was."""
MOST_KNOWN = 10_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    account: Account
    networks: tuple[Network, ...]
    fresh_until: float


class Authenticator:
    """Knows accounts by API key and by name, also while SQL is away.

    What is remembered is named by a hash with a key of this process: no API key and no password stays in memory.
    """

    def __init__(
        self,
        database: Database,
        *,
        secret_key: str,
        executor: Executor,
        passwords: Passwords,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._secret_key = secret_key
        self._executor = executor
        self._passwords = passwords
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._right: dict[bytes, _Known] = {}

    async def authenticate(self, credentials: Credentials, peer: str) -> Account:
        """Return the account that the credentials belong to.

        Raises:
            AuthenticationFailed: they are missing or wrong; which is not said.
            TooManyGuesses: too many wrong passwords came from there; this one was not looked at.
            AddressNotAllowed: the account may not be used from the address `peer`.
            RecordsAway: SQL is away, and the account is not known here.
            Busy: too many passwords wait to be looked at.
        """
        if credentials.api_key is not None:
            known = self._fresh(credentials.api_key.encode()) or await self._by_key(credentials.api_key)
        elif credentials.user is not None and credentials.password is not None:
            # The address first, and no NUL in it: no two triples make the same words.
            words = f"{peer}\0{credentials.user}\0{credentials.password}"
            mark = self._passwords.mark(words.encode(errors="surrogatepass"))
            known = self._right.get(mark)
            if known is None or known.fresh_until <= self._clock() or not self._passwords.is_quiet():
                known = await self._by_password(credentials.user, credentials.password, peer)
                _keep(self._right, mark, known)
        else:
            known = None
        if known is None:
            raise AuthenticationFailed("credentials are missing or wrong")
        if known.networks and not _within(peer, known.networks):
            raise AddressNotAllowed("the account may not be used from this address")
        return known.account

    async def knows(self, name: str) -> bool:
        """Say whether an account has this name.

        Raises:
            RecordsAway: SQL is away, and the account is not known here.
        """
        return await self._by_name(name) is not None

    async def account(self, name: str) -> Account | None:
        """Return the account of this name, if there is one; raises as `knows` does."""
        known = await self._by_name(name)
        return None if known is None else known.account

    def _fresh(self, name: bytes) -> _Known | None:
        known = self._known.get(self._passwords.mark(name))
        return known if known is not None and known.fresh_until > self._clock() else None

    async def _by_key(self, key: str) -> _Known | None:
        mark = fingerprint(self._secret_key, key)
        return await self._read(key.encode(), lambda sql: accounts.by_key(sql, mark))

    async def _by_password(self, user: str, password: str, peer: str) -> _Known | None:
        known = await self._by_name(user)
        hashed = known.account.password_hash if known is not None else ""
        right = await self._passwords.is_right(user, password, hashed, peer=peer)
        return known if right else None

    async def _by_name(self, user: str) -> _Known | None:
        # A NUL cannot be in a name, so no API key is remembered under the same words.
        if "\0" in user:
            return None
        name = b"\0" + user.encode(errors="surrogatepass")
        return self._fresh(name) or await self._read(name, lambda sql: accounts.by_name(sql, user))

    async def _read(self, name: bytes, query: Callable[[Sql], Account | None]) -> _Known | None:
        """Ask SQL for an account; while it is away, what was known stands."""
        mark = self._passwords.mark(name)
        asked = asyncio.get_running_loop().run_in_executor(self._executor, self._database.read, query)
        try:
            async with asyncio.timeout(PATIENCE_S):
                account = await asked
        except (StorageAway, OSError, TimeoutError) as error:
            if mark not in self._known:
                raise RecordsAway("accounts cannot be read now") from error
            return self._known[mark]
        if account is None:
            self._known.pop(mark, None)
            return None
        networks = tuple(ipaddress.ip_network(text, strict=False) for text in account.allowed_ips)
        known = _Known(account=account, networks=networks, fresh_until=self._clock() + FRESH_S)
        _keep(self._known, mark, known)
        return known


def _keep(kept: dict[bytes, _Known], mark: bytes, known: _Known | None) -> None:
    """Remember an account, or that there is none, and forget the oldest where there are too many."""
    if known is None:
        kept.pop(mark, None)
        return
    while len(kept) >= MOST_KNOWN:
        del kept[next(iter(kept))]
    kept[mark] = known


def _within(peer: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
