"""Check passwords: off the loop, each right one once, guesses slowly."""

import asyncio
import secrets
from collections import Counter
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import blake2b

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from broker.errors import Busy
from broker.services.guessing import Guessing, Suspect

MOST_KNOWN = 10_000
"""Most passwords that one process remembers to be right, and to be wrong."""
MOST_CHECKS = 256
"""Most passwords that wait to be looked at, before a source that has one among them must wait with another."""
MOST_IN_ALL = 1024
"""Most with those of sources that have no other, so that a few who guess keep nobody else out."""
MOST_OF_SOURCE = 16
"""Most of these from one source."""

_HASHER = PasswordHasher()


@dataclass(slots=True)
class _Turn:
    """Who is next among different passwords of one user from one source."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Passwords:
    """Compares passwords with argon2 hashes, on threads of their own: who guesses holds up only other guesses.

    What came of it is remembered, by a hash with a key of this process, for the address that asked: no password stays
    in memory, and from elsewhere nobody can try the memory. Different passwords of one user from one source are looked
    at one after the other, so that guesses made at once are held up like others.
    """

    def __init__(
        self, guessing: Guessing, hashing: Executor, *, hasher: PasswordHasher | None = None
    ) -> None:
        self._guessing = guessing
        self._hashing = hashing
        self._process_key = secrets.token_bytes(32)
        self._hasher = hasher or _HASHER
        self._nobody = _nobodys(self._hasher)
        self._right: dict[bytes, None] = {}
        self._wrong: dict[bytes, None] = {}
        self._checks: dict[bytes, asyncio.Task[bool]] = {}
        self._of_source: Counter[str] = Counter()
        self._turns: dict[str, _Turn] = {}

    def mark(self, secret: bytes) -> bytes:
        """Return a name for a secret that only this process can make."""
        return blake2b(secret, key=self._process_key, digest_size=32).digest()

    def is_quiet(self) -> bool:
        """Say whether nobody must wait, so that what was right a moment ago may be taken for right."""
        return self._guessing.is_quiet()

    async def is_right(self, user: str, password: str, hashed: str, *, peer: str) -> bool:
        """Say whether a password has this hash; without one it is wrong, and that takes as long to find out.

        Raises:
            TooManyGuesses: it was not looked at, since too many wrong ones came from there.
            Busy: it was not looked at, since too many wait.
        """
        # The same words with the same hash come to the same, however long ago.
        mark = self.mark("\0".join((peer, hashed, user, password)).encode(errors="surrogatepass"))
        suspect = self._guessing.suspect(user, peer)
        self._guessing.check(suspect, known=mark in self._right)
        if mark in self._right or mark in self._wrong:
            return mark in self._right
        task = self._checks.get(mark)
        if task is None:
            if not self._has_room(self._of_source[suspect.source]):
                raise Busy("too many passwords wait to be looked at")
            task = asyncio.get_running_loop().create_task(self._look(mark, suspect, password, hashed))
            self._checks[mark] = task
            self._of_source[suspect.source] += 1
            task.add_done_callback(partial(self._done, mark, suspect))
        # Whoever asked may leave; the guess counts all the same.
        return await asyncio.shield(task)

    def _has_room(self, of_source: int) -> bool:
        most = MOST_CHECKS if of_source else MOST_IN_ALL
        return of_source < MOST_OF_SOURCE and len(self._checks) < most

    async def _look(self, mark: bytes, suspect: Suspect, password: str, hashed: str) -> bool:
        turn = self._turns.setdefault(suspect.pair, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                await self._guessing.ask(suspect)
                verify = partial(_fits, self._hasher, hashed or self._nobody, password)
                fits = await asyncio.get_running_loop().run_in_executor(self._hashing, verify)
                right = fits and bool(hashed)
                _keep(self._right if right else self._wrong, mark)
                await (self._guessing.right(suspect) if right else self._guessing.wrong(suspect, password))
                return right
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[suspect.pair]

    def _done(self, mark: bytes, suspect: Suspect, task: asyncio.Task[bool]) -> None:
        del self._checks[mark]
        self._of_source[suspect.source] -= 1
        if not self._of_source[suspect.source]:
            del self._of_source[suspect.source]
        if not task.cancelled():
            task.exception()  # whoever asked may have left


@cache
def _nobodys(hasher: PasswordHasher) -> str:
    """Return a hash that no password has, as hard to compare with as any."""
    return hasher.hash(secrets.token_hex())


def _keep(kept: dict[bytes, None], mark: bytes) -> None:
    while len(kept) >= MOST_KNOWN:
        del kept[next(iter(kept))]
    kept[mark] = None


def _fits(hasher: PasswordHasher, hashed: str, password: str) -> bool:
    try:
        return hasher.verify(hashed, password.encode(errors="surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
