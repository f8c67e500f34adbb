"""Hold up whoever guesses passwords, and nobody else."""

import ipaddress
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import TypeVar

import structlog

from broker.domain.value import value
from broker.errors import Busy, TooManyGuesses
from broker.keyspace.guesses import FIRST_MS, FREE, LONGEST_MS, Guesses

log = structlog.get_logger()

T = TypeVar("T")

MOST_REMEMBERED = 10_000
"""Most holds, and most counts while Redis is away, that one process remembers."""


@value
class Suspect:
    """Who tries to sign in from where, as digests: `pair` stands for both, `source` for the address alone."""

    pair: str
    account: str
    source: str


class Guessing:
    """Knows who must wait before another password of theirs is looked at.

    Wrong passwords count for the account from the source, and make each further one wait twice as long; those of an
    account from everywhere, and of a source for all accounts, add to that. Only who guessed wrong waits: the right
    password from any other source is looked at at once, so nobody can lock a customer out from elsewhere. While Redis
    is away each process counts by itself.
    """

    def __init__(
        self,
        guesses: Guesses,
        *,
        secret_key: str,
        told: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guesses = guesses
        self._key = blake2b(secret_key.encode(), digest_size=32).digest()
        self._told = told
        self._clock = clock
        self._until: dict[str, float] = {}
        self._quiet_at = 0.0
        self._counts: dict[str, int] = {}

    def suspect(self, user: str, peer: str) -> Suspect:
        """Return who tries to sign in; neither names nor addresses are kept."""
        source = network(peer)
        return Suspect(
            pair=self._digest("pair", source, user),
            account=self._digest("account", user),
            source=self._digest("source", source),
        )

    def is_quiet(self) -> bool:
        """Say whether this process knows of nobody who must wait."""
        if self._until and self._clock() >= self._quiet_at:
            self._until.clear()
        return not self._until

    def check(self, suspect: Suspect, *, known: bool) -> None:
        """Return if nobody must wait as far as this process knows.

        A `known` one signed in from there before: it waits for the guesses at its own account only.

        Raises:
            TooManyGuesses: it must wait.
        """
        names = (suspect.pair,) if known else (suspect.pair, suspect.source)
        left = max(self._until.get(name, 0.0) for name in names) - self._clock()
        if left > 0:
            self._told("held")
            error = TooManyGuesses("too many wrong passwords came from there")
            error.retry_after_s = int(left) + 1
            raise error

    async def ask(self, suspect: Suspect) -> None:
        """Return if nobody must wait as far as any process knows.

        Raises:
            TooManyGuesses: it must wait.
        """
        try:
            pair_ms, source_ms = await self._guesses.held_ms(suspect.pair, suspect.source)
        except Busy:
            pass
        else:
            self._remember(suspect, pair_ms, source_ms)
        self.check(suspect, known=False)

    async def wrong(self, suspect: Suspect, password: str) -> None:
        """Count a wrong password."""
        self._told("wrong")
        mark = self._digest("password", suspect.pair, password)
        try:
            pair_ms, source_ms = await self._guesses.wrong(
                suspect.pair, suspect.account, suspect.source, mark
            )
        except Busy:
            pair_ms, source_ms = self._count(suspect.pair), 0
        self._remember(suspect, pair_ms, source_ms)
        if pair_ms or source_ms:
            log.warning("guesses_held", account_ms=pair_ms, source_ms=source_ms)

    async def right(self, suspect: Suspect) -> None:
        """Forget what was tried before the right password."""
        self._told("right")
        self._counts.pop(suspect.pair, None)
        with suppress(Busy):
            await self._guesses.right(suspect.pair)

    def _count(self, pair: str) -> int:
        count = self._counts.get(pair, 0) + 1
        _keep(self._counts, pair, count)
        over = count - FREE[0]
        return min(FIRST_MS * 2 ** min(over - 1, 16), LONGEST_MS) if over > 0 else 0

    def _remember(self, suspect: Suspect, pair_ms: int, source_ms: int) -> None:
        for name, wait_ms in ((suspect.pair, pair_ms), (suspect.source, source_ms)):
            if wait_ms:
                until = self._clock() + wait_ms / 1000
                _keep(self._until, name, until)
                self._quiet_at = max(self._quiet_at, until)

    def _digest(self, *words: str) -> str:
        text = "\0".join(words).encode(errors="surrogatepass")
        return blake2b(text, key=self._key, digest_size=12).hexdigest()


def network(peer: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 that an IPv6 host can choose from."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _keep(kept: dict[str, T], name: str, what: T) -> None:
    while len(kept) >= MOST_REMEMBERED:
        del kept[next(iter(kept))]
    kept[name] = what
