"""The bars over the list of messages: a drawing, and the same as a table, each bar a narrower list."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor

from broker.console.words import tone
from broker.domain.status import Status
from broker.services.histogram import Histogram

TONES: Mapping[str, str] = {
    "bad": "ended badly",
    "odd": "in doubt or tried again",
    "off": "cancelled",
    "busy": "on their way",
    "good": "delivered, read or passed on",
}
"""What is piled up, from the ground, and what it means."""
HEIGHT, STEP = 60, 10
_LEAST = 1.5
"""So high is at least what there is some of: one in a thousand is seen too."""

Link = Callable[[datetime, datetime], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One piece of time: `pieces` are tones with the upper edge and the height of what is drawn of them.

    Of the first one of a history that is cut not all was counted: there are `number` at least.
    """

    at: datetime
    until: datetime
    link: str
    x: int
    number: int
    at_least: bool
    counts: Mapping[str, int]
    pieces: tuple[tuple[str, float, float], ...]


def bars(found: Histogram, link: Link) -> list[Bar]:
    """Return the bars, each with the address of the list of what it counts."""
    most = max((sum(counts.values()) for _, counts in found.bars), default=0) or 1
    return [
        _bar(place, at, counts, found, most=most, link=link) for place, (at, counts) in enumerate(found.bars)
    ]


def _bar(
    place: int, at: datetime, by_status: Mapping[Status, int], found: Histogram, *, most: int, link: Link
) -> Bar:
    counts: Counter[str] = Counter()
    for status, number in by_status.items():
        counts[tone(status)] += number
    pieces: list[tuple[str, float, float]] = []
    ground = float(HEIGHT)
    for name in TONES:
        if counts[name]:
            height = max(floor(counts[name] / most * (HEIGHT - len(TONES) * _LEAST) * 10) / 10, _LEAST)
            ground -= height
            pieces.append((name, round(ground, 1), height))
    until = at + found.width
    return Bar(
        at=at,
        until=until,
        link=link(at, until),
        x=place * STEP,
        number=counts.total(),
        at_least=found.cut and place == 0,
        counts=counts,
        pieces=tuple(pieces),
    )
