"""Take in what carriers tell: move messages, record arrivals, park what fits nothing, count what is odd."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.event import Inbound, Report
from broker.domain.message import Message
from broker.domain.status import Status, contradicts
from broker.log import each
from broker.metrics.measures import ACCEPTED, EVENTS
from broker.runtime import Runtime
from broker.services import counting, optouts, receive, reports
from broker.services.backlog import repaired_later
from broker.services.owing import owe, tell_soon
from broker.services.reports import Heard
from broker.settings import Settings
from broker.storage import matching, messages, parked
from broker.storage.database import Sql
from broker.storage.messages import Move, Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a transaction made of the news: what moved and arrived, how much was parked, whose media is to be fetched.

    `owed` says that customers are to be told something now; `answers` are
    messages that are to go out; `odd` counts what had no effect, by why.
    """

    moved: tuple[Moved, ...]
    arrived: tuple[Message, ...]
    parked: int
    fetching: tuple[str, ...]
    owed: bool
    answers: tuple[str, ...] = ()
    odd: Mapping[str, int] = field(default_factory=dict)


def take_in(
    sql: Sql,
    told: Sequence[Heard[Report]],
    came: Sequence[Heard[Inbound]],
    *,
    known: Snapshot,
    now_ms: int,
    settings: Settings,
    traces: Mapping[str | None, str] = MappingProxyType({}),
) -> Applied:
    """Apply reports and arrivals, with their webhooks' traces by digest; what fits nothing, or nobody, is parked."""
    matched = reports.match(sql, told)
    moved = messages.move(sql, matched.moves, deadlines=deadlines(now_ms, settings))
    arrivals = receive.receive(sql, came, known.owners, now_ms=now_ms, settings=settings, traces=traces)
    optouts.told_by_carrier(sql, matched.opt_outs, known, settings)
    answers = optouts.hear(sql, arrivals.added, known, now_ms=now_ms, settings=settings)
    waiting = [*reports.park(matched.unmatched, now_ms=now_ms), *arrivals.quarantined]
    parked.park(sql, waiting)
    odd = without_effect(sql, matched.moves, moved)
    return Applied(
        moved=tuple(moved),
        arrived=tuple(one for one, _ in arrivals.added),
        parked=len(waiting),
        fetching=arrivals.fetching,
        owed=owe(sql, [*moved, *arrivals.moved], known, now_ms=now_ms, settings=settings),
        answers=answers,
        odd=odd,
    )


def go_on(runtime: Runtime, applied: Applied, odd: Mapping[str, int]) -> None:
    """Ring for what follows from news, and count what came of it."""
    with repaired_later():
        runtime.ready.push(Queue.MEDIA, applied.fetching)
        runtime.ready.push(Queue.SUBMIT, applied.answers)
    tell_soon(runtime.schedule, owed=applied.owed)
    counting.ended(runtime.meter, applied.moved)
    each("message_arrived", ({"message_id": one.id, "connection": one.connection} for one in applied.arrived))
    runtime.meter.add(ACCEPTED, Counter(("mms" if one.is_mms else "sms", "in") for one in applied.arrived))
    outcomes = {"moved": len(applied.moved), "parked": applied.parked, **applied.odd, **odd}
    runtime.meter.add(EVENTS, {(outcome,): number for outcome, number in outcomes.items()})


def deadlines(now_ms: int, settings: Settings) -> dict[Status, int]:
    """Return when to look again at a message that reaches a state (Redis's clock, ms)."""
    confirm_at = now_ms + round(settings.confirm_s * 1000)
    arrival_at = now_ms + round(settings.arrival_s * 1000)
    return {
        Status.SUBMITTED: confirm_at,
        Status.RELAYED: confirm_at,
        Status.READY: arrival_at,
        Status.INCOMPLETE: arrival_at,
    }


def without_effect(sql: Sql, moves: Sequence[Move], moved: Iterable[Moved]) -> Counter[str]:
    """Count the news that moved nothing: what repeats or comes late, and what denies an end that stands."""
    left = Counter((move.id, move.event) for move in moves)
    left -= Counter((one.id, one.event) for one in moved)
    if not left:
        return Counter()
    stand = matching.standing(sql, sorted({name for name, _ in left}))
    found: Counter[str] = Counter()
    for (name, event), number in left.items():
        found["contradictory" if contradicts(stand[name], event) else "repeated"] += number
    return found
