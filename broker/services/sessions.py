"""Let operators stay signed in to the console."""

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import blake2b, sha256

import orjson

from broker.dialects.base import Credentials
from broker.domain.operator import Operator
from broker.keyspace import sessions
from broker.services.signin import SignIn

LIFE_S = 12 * 3600
"""How long somebody stays signed in: a shift."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in. `secret` is the browser's alone, `token` goes into each of the session's forms."""

    operator: Operator
    secret: str = field(repr=False)
    token: str = field(repr=False)


class Sessions:
    """Begins, finds and ends sessions. Who was removed, or has another password or role, is so at once.

    Redis holds digests only: who reads it can sign in as nobody.
    """

    def __init__(self, sign_in: SignIn, kept: sessions.Sessions, *, secret_key: str) -> None:
        self._sign_in = sign_in
        self._kept = kept
        self._key = sha256(b"console\n" + secret_key.encode()).digest()

    async def begin(self, credentials: Credentials, *, peer: str) -> Session:
        """Sign somebody in; raises as `SignIn.operator` does."""
        operator, hashed = await self._sign_in.checked(credentials, peer=peer)
        secret = secrets.token_urlsafe(32)
        kept = {"operator": operator.name, "password": self._mark("password", hashed)}
        await self._kept.begin(_digest(secret), orjson.dumps(kept))
        return self._session(operator, secret)

    async def find(self, secret: str) -> Session | None:
        """Return the session that a browser's secret stands for.

        Raises:
            Busy: Redis or SQL cannot say.
        """
        kept = await self._kept.find(_digest(secret)) if secret else None
        if kept is None:
            return None
        known = orjson.loads(kept)
        found = await self._sign_in.find(known["operator"])
        if found is None or not hmac.compare_digest(known["password"], self._mark("password", found[1])):
            return None
        return self._session(found[0], secret)

    async def end(self, secret: str) -> None:
        """Sign somebody out; raises QueueAway while Redis is away."""
        await self._kept.end(_digest(secret))

    def token(self, secret: str) -> str:
        """Return what a form must bring along when the browser has this secret."""
        return self._mark("form", secret)

    def _session(self, operator: Operator, secret: str) -> Session:
        return Session(operator=operator, secret=secret, token=self.token(secret))

    def _mark(self, *words: str) -> str:
        return blake2b("\0".join(words).encode(), key=self._key, digest_size=20).hexdigest()


def _digest(secret: str) -> str:
    return sha256(secret.encode(errors="surrogateescape")).hexdigest()
