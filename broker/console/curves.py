"""The curves of the latency chart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.services.pulse import Latency

STEP, HEIGHT = 10, 100
_TOP = 96
"""So high is the highest point: a line has a width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Paths of the middle and the slow end, broken where nothing was sent; `most` is the highest value, in s."""

    p50: str
    p95: str
    most: float


def curves(latency: Sequence[Latency | None]) -> Curves:
    """Return the curves of a row of minutes."""
    most = max((one.p95 for one in latency if one is not None), default=0.0)

    def path(value: Callable[[Latency], float]) -> str:
        pieces: list[str] = []
        for place, one in enumerate(latency):
            if one is None:
                continue
            x = place * STEP + STEP // 2
            y = round(HEIGHT - value(one) / (most or 1) * _TOP, 1)
            # A point without neighbours is a line of no length: round ends make it seen.
            joined = place and latency[place - 1] is not None
            pieces.append(f"L{x} {y}" if joined else f"M{x} {y}h0")
        return "".join(pieces)

    return Curves(p50=path(lambda one: one.p50), p95=path(lambda one: one.p95), most=most)
