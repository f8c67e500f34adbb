"""When the messages of a list were made, and where they stand: bars of one width over the newest of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from broker.domain.search import Search
from broker.domain.status import Status
from broker.domain.value import replace
from broker.storage import histogram as counting
from broker.storage.database import Sql

WIDTHS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
MOST = 48
"""Most bars; where the longest width gives more, a bar is so many of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Bars by their beginnings, the oldest first, without a gap; `cut` says that only the newest `most` messages
    were looked at, and there are older ones.
    """

    width: timedelta
    bars: tuple[tuple[datetime, Mapping[Status, int]], ...]
    cut: bool
    most: int = counting.COUNTED

    @property
    def number(self) -> int:
        """How many messages were counted."""
        return sum(sum(counts.values()) for _, counts in self.bars)


def histogram(sql: Sql, search: Search, now: datetime) -> Histogram | None:
    """Return the bars of a whole list, whichever of its pages is shown; None where nothing was looked at."""
    search = replace(search, cursor="")
    oldest, cut = counting.reach(sql, search)
    if oldest is None:
        return None
    end = now if search.until is None else min(search.until, now)
    width_ms = width_s(max((end - oldest).total_seconds(), 0.0)) * 1000
    found = counting.heights(sql, search, width_ms)
    # A message may have been made some milliseconds before its id.
    first = min([round(oldest.timestamp() * 1000) // width_ms, *(_place(at, width_ms) for at in found)])
    last = max(
        [first, (round(end.timestamp() * 1000) - 1) // width_ms, *(_place(at, width_ms) for at in found)]
    )
    times = [datetime.fromtimestamp(place * width_ms / 1000, tz=UTC) for place in range(first, last + 1)]
    return Histogram(
        width=timedelta(milliseconds=width_ms), bars=tuple((at, found.get(at, {})) for at in times), cut=cut
    )


def width_s(span_s: float) -> int:
    """Return how wide bars are that cover so much time."""
    for width in WIDTHS_S:
        if span_s <= width * (MOST - 1):
            return width
    return WIDTHS_S[-1] * (int(span_s) // (WIDTHS_S[-1] * (MOST - 1)) + 1)


def _place(at: datetime, width_ms: int) -> int:
    return round(at.timestamp() * 1000) // width_ms
