"""Circuits: endpoints that fail again and again are left alone for a while."""

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

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


class Circuits:
    """Remembers for all workers how endpoints answered. For threads."""

    def __init__(self, client: Sync, *, probe_s: float) -> None:
        self._client = client
        self._probe_ms = round(probe_s * 1000)
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
        answers = self._ask(keys=[keys.circuit(one) for one in endpoints], args=[OPENS_AFTER, probe_ms])
        return dict(zip(endpoints, map(Leave, answers), strict=True))

    def worked(self, endpoint: str) -> None:
        """Take note of an answer that shows an endpoint to be there."""
        self._tell(keys=[keys.circuit(endpoint)], args=["good", "", OPENS_AFTER, FIRST_MS, LONGEST_MS, 0])

    def failed(self, endpoint: str, *, probe: bool, asked_ms: int = 0) -> int:
        """Take note of a failure; return the pause that follows in ms, 0 while there is none."""
        asked_ms = min(asked_ms, LONGEST_ASKED_MS)
        args = ["bad", "probe" if probe else "", OPENS_AFTER, FIRST_MS, LONGEST_MS, asked_ms]
        return int(self._tell(keys=[keys.circuit(endpoint)], args=args))

    def open_now(self, endpoints: Sequence[str], *, now_ms: int) -> int:
        """Return how many of the endpoints are left alone now; nothing changes by asking."""
        with self._client.pipeline(transaction=False) as pipe:
            for one in endpoints:
                pipe.hmget(keys.circuit(one), ["failures", "until"])
            found = pipe.execute() if endpoints else []
        return sum(int(fails or 0) >= OPENS_AFTER and int(until or 0) > now_ms for fails, until in found)
