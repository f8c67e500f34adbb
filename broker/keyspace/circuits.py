"""Circuits: who fails again and again is left alone for a while."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path

from broker.domain.usage import CircuitState
from broker.domain.value import value
from broker.keyspace import keys
from broker.keyspace.client import Sync

OPENS_AFTER = 5
"""Failures in a row; a probe tries no more than that."""

FIRST_MS, LONGEST_MS = 1_000, 60_000
"""Pauses of an open circuit; each failed probe doubles them."""

LONGEST_ASKED_MS = 60 * 60_000
"""Longest pause that an endpoint may ask for: after it we ask ourselves."""

_LUA = Path(__file__).parent / "lua"


class Leave(IntEnum):
    """Whether an endpoint may be tried."""

    NO = 0
    YES = 1
    PROBE = 2


@value
class Circuit:
    """Failures in a row, until when it is left alone, whether somebody tries it now, and since when it is open.

    Times are Redis's clock, in ms.
    """

    failures: int = 0
    until: int = 0
    probing: bool = False
    since: int = 0

    @property
    def is_open(self) -> bool:
        """Say whether it failed often enough to be left alone, or to be tried with a few only."""
        return self.failures >= OPENS_AFTER

    @property
    def state(self) -> CircuitState:
        """Return the word for how it is."""
        if not self.is_open:
            return CircuitState.CLOSED
        return CircuitState.TRYING if self.probing else CircuitState.OPEN


class Circuits:
    """Remembers for all workers how endpoints answered. For threads.

    `key` names a circuit in Redis. What is known is kept for `life_ms` after the last failure.
    """

    def __init__(
        self,
        client: Sync,
        *,
        probe_s: float,
        key: Callable[[str], str] = keys.circuit,
        longest_ms: int = LONGEST_MS,
        life_ms: int = 2 * LONGEST_MS,
    ) -> None:
        self._client = client
        self._probe_ms = round(probe_s * 1000)
        self._key = key
        self._longest_ms = longest_ms
        self._life_ms = life_ms
        self._ask, self._tell = (
            client.register_script((_LUA / f"{name}.lua").read_text())
            for name in ("circuit_ask", "circuit_tell")
        )

    def ask(self, endpoints: Sequence[str], *, probe_s: float | None = None) -> dict[str, Leave]:
        """Say whether endpoints may be tried; who is told PROBE is the only one, until he says how it went.

        Or until a probe should be over, for which `probe_s` is the time where it is not the usual one.
        """
        if not endpoints:
            return {}
        probe_ms = self._probe_ms if probe_s is None else round(probe_s * 1000)
        answers = self._ask(keys=[self._key(one) for one in endpoints], args=[OPENS_AFTER, probe_ms])
        return dict(zip(endpoints, map(Leave, answers), strict=True))

    def worked(self, endpoint: str) -> None:
        """Take note of an answer that shows an endpoint to be there."""
        self._say(endpoint, "good")

    def failed(self, endpoint: str, *, probe: bool, asked_ms: int = 0) -> int:
        """Take note of a failure; return the pause that follows in ms, 0 while there is none."""
        return self._say(endpoint, "bad", probe=probe, asked_ms=min(asked_ms, LONGEST_ASKED_MS))

    def unused(self, endpoint: str) -> None:
        """Give back a probe for which there was nothing to send."""
        self._say(endpoint, "none")

    def look(self, endpoints: Sequence[str]) -> dict[str, Circuit]:
        """Return what is known of endpoints; nothing changes by looking."""
        if not endpoints:
            return {}
        with self._client.pipeline(transaction=False) as pipe:
            for one in endpoints:
                pipe.hmget(self._key(one), FIELDS)
            found = pipe.execute()
        return {one: circuit_of(words) for one, words in zip(endpoints, found, strict=True)}

    def open_now(self, endpoints: Sequence[str], *, now_ms: int) -> int:
        """Return how many of the endpoints are left alone now; nothing changes by asking."""
        return sum(one.is_open and one.until > now_ms for one in self.look(endpoints).values())

    def _say(self, endpoint: str, how: str, *, probe: bool = False, asked_ms: int = 0) -> int:
        args = [
            how,
            "probe" if probe else "",
            OPENS_AFTER,
            FIRST_MS,
            self._longest_ms,
            asked_ms,
            self._life_ms,
        ]
        return int(self._tell(keys=[self._key(endpoint)], args=args))


FIELDS = ["failures", "until", "probing", "since"]


def circuit_of(words: Sequence[bytes | str | None]) -> Circuit:
    """Return the circuit that the values of `FIELDS` tell."""
    failures, until, probing, since = words
    return Circuit(
        failures=int(failures or 0),
        until=int(float(until or 0)),
        probing=probing is not None,
        since=int(float(since or 0)),
    )
