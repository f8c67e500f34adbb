"""Spans of what becomes of messages, for those whose requests are traced."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from broker.domain.event import News, Report
from broker.domain.message import Message, Part
from broker.errors import ProviderError
from broker.keyspace.content import Webhook
from broker.services.outcome import OUTCOMES, Verdict
from broker.services.recording import Notes
from broker.services.told import Answer
from broker.storage.callbacks import Due
from broker.storage.messages import Moved
from broker.tracing import Kind, Tracing


def claimed(tracing: Tracing, groups: Iterable[Sequence[Message]], *, began_s: float) -> None:
    """Tell of messages that were claimed just now by a take that began at `began_s` (Unix time)."""
    for leader, *_ in groups:
        about = _about(leader)
        if leader.attempts == 1:
            came_s = leader.created_at.timestamp()
            tracing.note("queue", parent=leader.trace, began_s=came_s, ended_s=began_s, attributes=about)
        tracing.note("claim", parent=leader.trace, began_s=began_s, attributes=about)


def submitted(
    tracing: Tracing, tries: Iterable[tuple[Message, Notes, Verdict]], *, recorded_s: float
) -> None:
    """Tell of submissions whose outcomes were recorded just now, in a transaction that began at `recorded_s`."""
    for message, notes, verdict in tries:
        about = _about(message) | {"ringpost.outcome": OUTCOMES[verdict.event]}
        if verdict.http_status is not None:
            about["http.response.status_code"] = verdict.http_status
        if notes.said:
            began_s, ended_s = notes.said[0][0], notes.said[-1][0]
            tracing.note(
                "submit",
                parent=message.trace,
                began_s=began_s,
                ended_s=ended_s,
                kind=Kind.CLIENT,
                attributes=about,
            )
        tracing.note("record", parent=message.trace, began_s=recorded_s, attributes=about)


def reported(
    tracing: Tracing,
    moved: Sequence[Moved],
    traces: Mapping[str, str],
    *,
    news: Mapping[str, Sequence[News]],
    arrived: Mapping[str, Webhook],
) -> None:
    """Tell of what webhooks made of messages; `news` and `arrived` are by digest, `traces` by message."""
    came: dict[str | None, Webhook] = {
        piece.message_id: arrived[digest]
        for digest, pieces in news.items()
        if digest in arrived
        for piece in pieces
        if isinstance(piece, Report)
    }
    first = min(arrived.values(), key=lambda one: one.at, default=None)
    for one in moved:
        webhook = came.get(one.id, first)
        if webhook is not None:
            about = {"ringpost.message": one.id, "ringpost.status": str(one.after)}
            tracing.note(
                "webhook",
                parent=traces.get(one.id, ""),
                began_s=webhook.at.timestamp(),
                attributes=about | {"ringpost.connection": one.connection or ""},
                link=webhook.trace,
            )


def arrived(
    tracing: Tracing,
    added: Iterable[Message],
    came: Mapping[str, Webhook],
    *,
    began_s: float,
    recorded_s: float,
) -> None:
    """Tell of messages that arrived with webhooks, of which a take began and recorded them just now at these times."""
    since = {one.trace: one.at.timestamp() for one in came.values() if one.trace}
    for message in added:
        if message.trace:
            about = _about(message)
            came_s = since[message.trace]
            tracing.note("queue", parent=message.trace, began_s=came_s, ended_s=began_s, attributes=about)
            tracing.note("record", parent=message.trace, began_s=recorded_s, attributes=about)


def fetched(tracing: Tracing, message: Message, part: Part, *, began_s: float) -> None:
    """Tell of a part whose bytes were fetched and stored just now, or were not to be had."""
    about = _about(message) | {"ringpost.part": part.index, "ringpost.outcome": str(part.state)}
    tracing.note("media", parent=message.trace, began_s=began_s, kind=Kind.CLIENT, attributes=about)


def recorded(tracing: Tracing, message: Message, *, began_s: float) -> None:
    """Tell of a transaction of just now about a message."""
    tracing.note("record", parent=message.trace, began_s=began_s, attributes=_about(message))


async def told(tracing: Tracing, message: Message, item: Due, telling: Coroutine[Any, Any, Answer]) -> Answer:
    """Tell a customer within a span, if the message is traced."""
    if not message.trace:
        return await telling
    about: dict[str, str | int | float] = {
        "ringpost.message": message.id,
        "ringpost.status": str(item.status),
    }
    with tracing.span("callback", parent=message.trace, kind=Kind.CLIENT, attributes=about) as span:
        try:
            answer = await telling
        except ProviderError as error:
            span.say({"ringpost.outcome": type(error).__name__})
            raise
        span.say(
            {
                "http.response.status_code": answer.status,
                "ringpost.outcome": "told" if answer.heard else "not told",
            }
        )
        return answer


def _about(message: Message) -> dict[str, str | int | float]:
    return {
        "ringpost.message": message.id,
        "ringpost.connection": message.connection or "",
        "ringpost.attempt": message.attempts,
    }
