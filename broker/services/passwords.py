"""Check passwords, off the loop."""

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from hashlib import blake2b

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

RIGHT_S = 300.0
"""How long a password that was right is not hashed again."""
MOST_RIGHT = 10_000


class Passwords:
    """Compares passwords with argon2 hashes, on threads of their own: who guesses holds up only other guesses.

    What was right is remembered by a hash with a key of this process: no password stays in memory.
    """

    def __init__(self, hashing: Executor, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hashing = hashing
        self._clock = clock
        self._process_key = secrets.token_bytes(32)
        self._right: dict[bytes, float] = {}
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex())

    def mark(self, secret: bytes) -> bytes:
        """Return a name for a secret that only this process can make."""
        return blake2b(secret, key=self._process_key, digest_size=32).digest()

    async def is_right(self, user: str, password: str, hashed: str) -> bool:
        """Say whether a password has this hash; without one it is wrong, and that takes as long to find out."""
        words = "\0".join((user, password, hashed)).encode()
        mark = self.mark(words)
        now = self._clock()
        if self._right.get(mark, 0.0) > now:
            return True
        check = partial(_verify, self._hasher, hashed or self._nobody, password)
        right = await asyncio.get_running_loop().run_in_executor(self._hashing, check)
        if not right or not hashed:
            return False
        if len(self._right) >= MOST_RIGHT:
            self._right.clear()
        self._right[mark] = now + RIGHT_S
        return True


def _verify(hasher: PasswordHasher, hashed: str, password: str) -> bool:
    try:
        return hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
