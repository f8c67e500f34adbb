"""What happened to a message, in order, with the gaps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from broker.console.tries import Try, tries
from broker.console.words import moment, tone
from broker.domain.callback import CallbackState, Told
from broker.domain.logbook import Entry, Kind, Level, Way
from broker.domain.message import Direction
from broker.domain.status import Event
from broker.services.browse import Whole

GAP_S = 1.0
"""From so long a wait on it is drawn."""

_OF_MEDIA = frozenset({Kind.MEDIA_FETCH, Kind.MEDIA_SAVED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line: how long after the first it was, and how long after the one before where that was long.

    `cause` is what the record says of why.
    """

    at: datetime
    what: str
    text: str
    tone: str = ""
    cause: str = ""
    after_s: float = 0.0
    gap_s: float = 0.0


def timeline(whole: Whole) -> list[Step]:
    """Return the steps of a message."""
    steps = sorted(_steps(whole), key=lambda step: step.at)
    drawn: list[Step] = []
    for step in steps:
        waited = (step.at - drawn[-1].at).total_seconds() if drawn else 0.0
        drawn.append(
            Step(
                at=step.at,
                what=step.what,
                text=step.text,
                tone=step.tone,
                cause=step.cause,
                after_s=(step.at - steps[0].at).total_seconds(),
                gap_s=waited if waited > GAP_S else 0.0,
            )
        )
    return drawn


def _steps(whole: Whole) -> Iterator[Step]:
    for event in whole.record.events:
        moved = event.status or ""
        text = event.detail if moved else f"{event.detail} (changed nothing)".strip()
        yield Step(
            at=event.at,
            what=moved or event.type,
            text=text,
            tone=tone(moved) if moved else "off",
            cause=event.detail,
        )
    yield from _routed(whole)
    told, others = tries(whole.record.attempts, whole.said)
    for one in told:
        yield from _tried(one)
    yield from _fetched(others)
    for owed in whole.told:
        yield _called(owed)


def _routed(whole: Whole) -> Iterator[Step]:
    """Yield when a message was given to a connection, and why, as far as that is on record."""
    message, attempts = whole.record.message, whole.record.attempts
    given = next((event.at for event in whole.record.events if event.type != Event.ADMIT), None)
    first = attempts[0].connection if attempts else message.connection
    if message.direction is Direction.OUT and given is not None and first is not None:
        why = "which its customer named" if message.pinned else "by its account and sender"
        yield Step(at=given, what="routed", text=f"to {first}, {why}")
    for before, after in pairwise(attempts):
        if before.connection != after.connection:
            text = f"to {after.connection}, since {before.connection} did not take attempt {before.number}"
            yield Step(at=after.started_at, what="routed", text=text)


def _tried(one: Try) -> Iterator[Step]:
    name = f"attempt {one.attempt.number}"
    yield Step(at=one.attempt.started_at, what=name, text=f"over {one.attempt.connection}")
    if one.attempt.ended_at is not None and one.took_s is not None:
        yield Step(
            at=one.attempt.ended_at,
            what=name,
            text=f"{one.text} in {round(one.took_s * 1000)} ms",
            tone="" if one.attempt.outcome == "sent" else "odd",
            cause=one.attempt.error,
        )


def _fetched(entries: Sequence[Entry]) -> Iterator[Step]:
    """Yield what became of media: asked for, stored, or not to be had; what webhooks told has steps of its own."""
    heard = {entry.at for entry in entries if entry.direction is Way.IN}
    for entry in entries:
        if entry.kind in _OF_MEDIA or (entry.kind is Kind.ERROR and entry.at not in heard):
            bad = "bad" if entry.level is Level.ERROR else "odd" if entry.level is Level.WARN else ""
            yield Step(at=entry.at, what="media", text=entry.text, tone=bad, cause=entry.text if bad else "")


def _called(owed: Told) -> Step:
    state = owed.callback.state
    times = "1 try" if owed.tries == 1 else f"{owed.tries} tries"
    text = f"callback “{owed.callback.status}” {state.replace('_', ' ')}, {times}"
    if owed.due_at is not None:
        text += f", next at {moment(owed.due_at)} UTC"
    return Step(
        at=owed.callback.at, what="callback", text=text, tone="bad" if state is CallbackState.GIVEN_UP else ""
    )
