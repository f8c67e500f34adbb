"""Count and log what came of work, once it is committed."""

from collections import Counter
from collections.abc import Iterable, Sequence

from broker.domain.message import Message
from broker.domain.status import ENDS, Event
from broker.log import each
from broker.metrics.measures import ATTEMPTS, CARRIER_CALLS, END_TO_END, FINAL, RATE_WAITS
from broker.metrics.meter import Labels, Meter
from broker.services.outcome import OUTCOMES, Verdict
from broker.services.recording import Notes
from broker.storage.messages import Moved

_CLASSES = {number: f"{number}xx" for number in range(1, 6)}


def ended(meter: Meter, moved: Iterable[Moved]) -> None:
    """Count messages that came to an end, with a line in the log for each."""
    ends = [one for one in moved if one.after in ENDS]
    if ends:
        meter.add(FINAL, Counter((type_of(one), str(one.after), one.connection or "none") for one in ends))
        each(
            "message_ended",
            (
                {
                    "message_id": one.id,
                    "status": one.after,
                    "by": one.event,
                    "account": one.account,
                    "connection": one.connection,
                }
                for one in ends
            ),
        )


def attempts(meter: Meter, tries: Sequence[tuple[Message, Notes, Verdict]], *, now_ms: int) -> None:
    """Count submissions of messages (of a group: its leader) that ended at `now_ms`, and the time they took.

    Each has a line in the log.
    """
    outcomes: Counter[Labels] = Counter()
    calls: list[tuple[Labels, float]] = []
    arrivals: list[tuple[Labels, float]] = []
    for message, notes, verdict in tries:
        connection = message.connection or "none"
        outcomes[connection, OUTCOMES[verdict.event], _class_of(verdict)] += 1
        if len(notes.said) > 1:
            calls.append(((connection,), notes.said[-1][0] - notes.said[0][0]))
        if verdict.event is Event.RECEIPT:
            age_s = now_ms / 1000 - message.created_at.timestamp()
            arrivals.append((("mms" if message.is_mms else "sms",), max(age_s, 0.0)))
    meter.add(ATTEMPTS, outcomes)
    meter.times(CARRIER_CALLS, calls)
    meter.times(END_TO_END, arrivals)
    each(
        "attempt_ended",
        (
            {
                "message_id": message.id,
                "connection": message.connection,
                "attempt": message.attempts,
                "outcome": OUTCOMES[verdict.event],
                "http_status": verdict.http_status,
            }
            for message, _, verdict in tries
        ),
    )


def waited(meter: Meter, found: Iterable[tuple[str, int]]) -> None:
    """Count how long messages waited for their slots, by connection (ms)."""
    meter.times(RATE_WAITS, (((connection,), ms / 1000) for connection, ms in found))


def type_of(one: Moved) -> str:
    """Return the word for the service that a message uses."""
    return "mms" if one.is_mms else "sms"


def _class_of(verdict: Verdict) -> str:
    return "none" if not verdict.http_status else _CLASSES.get(verdict.http_status // 100, "other")
