"""What happened to a message, in order, with the gaps."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from broker.console.words import tone
from broker.services.browse import Whole

GAP_S = 1.0
"""From so long a wait on it is drawn."""


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
    for attempt in whole.record.attempts:
        name = f"attempt {attempt.number}"
        yield Step(at=attempt.started_at, what=name, text=f"over {attempt.connection}")
        if attempt.ended_at is not None:
            took = round((attempt.ended_at - attempt.started_at).total_seconds() * 1000)
            words = [
                attempt.outcome,
                f"HTTP {attempt.http_status}" if attempt.http_status else "",
                attempt.error,
            ]
            text = f"{', '.join(word for word in words if word)} in {took} ms"
            yield Step(
                at=attempt.ended_at,
                what=name,
                text=text,
                tone="" if attempt.outcome == "sent" else "odd",
                cause=attempt.error or "",
            )
    for callback, tries in whole.told:
        text = f"callback “{callback.status}” {callback.state.replace('_', ' ')}, {tries} tries"
        yield Step(
            at=callback.at, what="callback", text=text, tone="bad" if callback.state == "given_up" else ""
        )
