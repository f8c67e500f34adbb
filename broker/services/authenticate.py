"""Say which account a request comes from."""

import asyncio
import ipaddress
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from broker.dialects.base import Credentials
from broker.domain.account import Account
from broker.errors import AddressNotAllowed, AuthenticationFailed, Busy
from broker.storage import accounts
from broker.storage.away import StorageAway
from broker.storage.database import Database, Sql
from broker.storage.vault import fingerprint

FRESH_S = 30.0
"""How long an account is believed to be as it was read."""
PATIENCE_S = 1.0
"""Longest wait for SQL; after that a known account is believed to be as it was."""
PASSWORD_S = 300.0
"""How long a password that was right is not hashed again."""
MOST_KNOWN = 10_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    account: Account
    networks: tuple[Network, ...]
    fresh_until: float


class Authenticator:
    """Knows accounts by API key and by name, also while SQL is away.

    Passwords are hashed on threads of their own, so that somebody who guesses holds up nothing but other guesses.
    What is remembered is named by a hash with a key of this process: neither API keys nor passwords stay in memory.
    """

    def __init__(
        self,
        database: Database,
        *,
        secret_key: str,
        executor: Executor,
        hashing: Executor,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._secret_key = secret_key
        self._executor = executor
        self._hashing = hashing
        self._clock = clock
        self._process_key = secrets.token_bytes(32)
        self._known: dict[bytes, _Known] = {}
        self._right: dict[bytes, float] = {}
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())

    async def authenticate(self, credentials: Credentials, peer: str) -> Account:
        """Return the account that the credentials belong to.

        Raises:
            AuthenticationFailed: they are missing or wrong; which is not said.
            AddressNotAllowed: the account may not be used from the address `peer`.
            Busy: SQL is away, and the account is not known here.
        """
        if credentials.api_key is not None:
            known = self._fresh(credentials.api_key.encode()) or await self._by_key(credentials.api_key)
        elif credentials.user is not None and credentials.password is not None:
            known = await self._by_password(credentials.user, credentials.password)
        else:
            known = None
        if known is None:
            raise AuthenticationFailed("credentials are missing or wrong")
        if known.networks and not _within(peer, known.networks):
            raise AddressNotAllowed("the account may not be used from this address")
        return known.account

    def _fresh(self, name: bytes) -> _Known | None:
        known = self._known.get(self._mark(name))
        return known if known is not None and known.fresh_until > self._clock() else None

    def _mark(self, secret: bytes) -> bytes:
        return blake2b(secret, key=self._process_key, digest_size=32).digest()

    async def _by_key(self, key: str) -> _Known | None:
        mark = fingerprint(self._secret_key, key)
        return await self._read(key.encode(), lambda sql: accounts.by_key(sql, mark))

    async def _by_password(self, user: str, password: str) -> _Known | None:
        # A NUL cannot be in a name, so no API key and no other pair is remembered under the same words.
        name = b"\0" + user.encode()
        known = self._fresh(name) or await self._read(name, lambda sql: accounts.by_name(sql, user))
        hashed = known.account.password_hash if known is not None else ""
        right = await self._is_right(user, password, hashed or self._nobody)
        return known if right and hashed else None

    async def _read(self, name: bytes, query: Callable[[Sql], Account | None]) -> _Known | None:
        """Ask SQL for an account; while it is away, what was known stands."""
        mark = self._mark(name)
        asked = asyncio.get_running_loop().run_in_executor(self._executor, self._database.read, query)
        try:
            async with asyncio.timeout(PATIENCE_S):
                account = await asked
        except (StorageAway, OSError, TimeoutError) as error:
            if mark not in self._known:
                raise Busy("accounts cannot be read now") from error
            return self._known[mark]
        if account is None:
            self._known.pop(mark, None)
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        networks = tuple(ipaddress.ip_network(text, strict=False) for text in account.allowed_ips)
        known = _Known(account=account, networks=networks, fresh_until=self._clock() + FRESH_S)
        self._known[mark] = known
        return known

    async def _is_right(self, user: str, password: str, hashed: str) -> bool:
        """Check a password; an unknown user's takes as long as any other wrong one."""
        words = "\0".join((user, password, hashed)).encode()
        mark = self._mark(words)
        now = self._clock()
        if self._right.get(mark, 0.0) > now:
            return True
        check = partial(_verify, self._hasher, hashed, password)
        if not await asyncio.get_running_loop().run_in_executor(self._hashing, check):
            return False
        if len(self._right) >= MOST_KNOWN:
            self._right.clear()
        self._right[mark] = now + PASSWORD_S
        return True


def _verify(hasher: PasswordHasher, hashed: str, password: str) -> bool:
    try:
        return hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _within(peer: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
