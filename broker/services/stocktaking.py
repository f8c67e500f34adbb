"""How many messages stand where, over any time: counted piece by piece, and remembered."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from broker.domain.ids import first_id_of, id_after, made_at
from broker.domain.value import value
from broker.storage import counts
from broker.storage.counts import Standing, Stretch
from broker.storage.database import Sql

LIVE = 10_000
"""So many of the newest messages are counted at each look."""
PIECE = 10_000
GROWTH = 3
"""Most pieces that one look counts for the first time."""
AGAIN = 2
"""Most pieces that one look counts again, those first that were counted longest ago."""


@value
class Stock:
    """How many messages of a while stand where.

    `back_to` is set where older ones are not counted yet. `as_of` is set where some stand as they stood earlier.
    """

    counts: Standing
    back_to: datetime | None = None
    as_of: datetime | None = None


@value
class _Piece:
    """What the messages from an id on and below another were when they were counted."""

    since: str
    below: str
    counts: Standing
    at: datetime


class Stocktaking:
    """Counts messages within bounds, however many there are; for the threads of one process, one at a time.

    What is remembered lies end to end, the newest piece first, and grows at both ends. Where fewer messages are asked
    for than `live`, nothing is remembered.
    """

    def __init__(
        self, *, live: int = LIVE, piece: int = PIECE, growth: int = GROWTH, again: int = AGAIN
    ) -> None:
        self._live = live
        self._piece = piece
        self._growth = growth
        self._again = again
        self._pieces: list[_Piece] = []

    def take(self, sql: Sql, since: datetime | None, now: datetime) -> Stock:
        """Return how many messages that were made since a moment, or at all, stand where."""
        floor = "" if since is None else first_id_of(since)
        live = counts.stretch(sql, since=floor, most=self._live)
        if live.number < self._live:
            return Stock(counts=live.counts)
        found = Counter(live.counts)
        gap = self._reach_up(sql, live.first, now)
        if gap is None:
            return Stock(counts=found, back_to=made_at(live.first))
        found.update(gap.counts)
        self._reach_down(sql, live.first, floor, now)
        self._count_again(sql, floor, now)
        used = list(self._within(floor))
        for piece in used:
            found.update(piece.counts if piece.since >= floor else self._part(sql, piece, floor).counts)
        lowest = used[-1].since if used else live.first
        as_of = min((piece.at for piece in used if piece.since >= floor), default=now)
        return Stock(
            counts=found,
            back_to=made_at(lowest) if lowest > floor else None,
            as_of=as_of if as_of < now else None,
        )

    def _reach_up(self, sql: Sql, upto: str, now: datetime) -> Stretch | None:
        """Remember what lies between the newest piece and an id; return what is too little for a piece.

        If it is too much for one look it is begun anew, from the newest on, and nothing is returned.
        """
        if self._pieces and self._pieces[0].below > upto:
            self._pieces.clear()
        if not self._pieces:
            return Stretch(counts={}, first="", last="")
        for _ in range(self._growth):
            since = self._pieces[0].below
            found = counts.stretch(sql, since=since, below=upto, most=self._piece, oldest=True)
            if found.number < self._piece:
                return found
            self._pieces.insert(
                0, _Piece(since=since, below=id_after(found.last), counts=found.counts, at=now)
            )
        self._pieces.clear()
        return None

    def _reach_down(self, sql: Sql, upto: str, floor: str, now: datetime) -> None:
        """Remember older messages, as far as they are asked for and as many as one look counts."""
        for _ in range(self._growth):
            below = self._pieces[-1].since if self._pieces else upto
            if below <= floor:
                return
            found = counts.stretch(sql, below=below, most=self._piece)
            since = found.first if found.number == self._piece else ""
            self._pieces.append(_Piece(since=since, below=below, counts=found.counts, at=now))

    def _count_again(self, sql: Sql, floor: str, now: datetime) -> None:
        """Count those pieces again that were counted longest ago."""
        stale = sorted((piece for piece in self._within(floor) if piece.at < now), key=lambda piece: piece.at)
        for piece in stale[: self._again]:
            if piece not in self._pieces:
                continue
            place = self._pieces.index(piece)
            found = counts.stretch(sql, since=piece.since, below=piece.below, most=2 * self._piece)
            since = piece.since
            if (
                found.number == 2 * self._piece
            ):  # it has grown: messages are recorded long after they are made
                found = counts.stretch(sql, below=piece.below, most=self._piece)
                since = found.first
                del self._pieces[place + 1 :]
            self._pieces[place] = _Piece(since=since, below=piece.below, counts=found.counts, at=now)

    def _within(self, floor: str) -> Iterator[_Piece]:
        return (piece for piece in self._pieces if piece.below > floor)

    def _part(self, sql: Sql, piece: _Piece, floor: str) -> Stretch:
        return counts.stretch(sql, since=floor, below=piece.below, most=2 * self._piece)
