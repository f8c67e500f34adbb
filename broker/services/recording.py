"""Note what is said to a carrier while it is said, and make entries of the event log of it afterwards."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import structlog

from broker.domain.address import mask_within
from broker.domain.logbook import Entry, Kind, Level, Way
from broker.domain.message import Message, Part, PartState, Tag
from broker.domain.redaction import redact_body, redact_headers, redact_url
from broker.domain.status import Event
from broker.domain.wire import Request, Response
from broker.errors import MediaError, ProviderError
from broker.runtime import Runtime
from broker.services.outcome import Verdict
from broker.storage import logbook
from broker.storage.away import StorageAway

log = structlog.get_logger()

_REDIRECT, _BAD_REQUEST = 300, 400
_ENDS: Mapping[Event, tuple[Kind, Level]] = {
    Event.RECEIPT: (Kind.MESSAGE_SENT, Level.INFO),
    Event.DEFER: (Kind.RETRY, Level.WARN),
    Event.GIVE_UP: (Kind.ERROR, Level.ERROR),
    Event.REFUSE: (Kind.ERROR, Level.ERROR),
    Event.LOSE: (Kind.ERROR, Level.ERROR),
}

Said = Request | Response | ProviderError


class Notes:
    """What was said in one conversation, in order, with the Unix time of each; nothing is looked at yet."""

    __slots__ = ("detour", "said")

    def __init__(self) -> None:
        self.said: list[tuple[float, Said]] = []
        self.detour = False  # it had to wait for a token, which has entries of its own

    def note(self, said: Said) -> None:
        """Note one request, answer, or the lack of one."""
        self.said.append((time.time(), said))

    @property
    def is_plain(self) -> bool:
        """Say whether there was nothing but one request and a good answer."""
        if self.detour or len(self.said) != 2:  # noqa: PLR2004  # the request and its answer
            return False
        answer = self.said[1][1]
        return isinstance(answer, Response) and answer.status < _REDIRECT


def entries(notes: Notes, connection: str, *, message_id: str | None = None) -> list[Entry]:
    """Return the entries of what was noted, without secrets and content."""
    return [_entry(at, said, connection, message_id) for at, said in notes.said]


def submitted(notes: Notes, message: Message, verdict: Verdict) -> list[Entry]:
    """Return the entries of one attempt: what was said, and what came of it."""
    connection = message.connection or ""
    kind, level = _ENDS[verdict.event]
    text = f"attempt {message.attempts}: {verdict.event}"
    end = Entry(
        at=datetime.now(UTC),
        connection=connection,
        kind=kind,
        level=level,
        text=f"{text}; {verdict.detail}" if verdict.detail else text,
        message_id=message.id,
    )
    return [*entries(notes, connection, message_id=message.id), end]


def fetches(
    message: Message, tried: Sequence[Part], started: float, *, tags: Sequence[Tag] = ()
) -> list[Entry]:
    """Return the entries of parts that were fetched from `started` (Unix time) to now, or could not be."""
    ended = time.time()
    asked = [_fetch(message, part, started) for part in tried if part.url]
    return asked + [_fetched(message, part, ended, tags) for part in tried]


def fetches_failed(message: Message, error: MediaError, started: float) -> list[Entry]:
    """Return the entries of parts of which one could not be had, or not be sent."""
    asked = [_fetch(message, part, started) for part in message.parts if part.state is PartState.PENDING]
    end = Entry(
        at=_at(time.time()),
        connection=message.connection or "",
        kind=Kind.ERROR,
        text=str(error),
        level=Level.ERROR if error.final else Level.WARN,
        message_id=message.id,
    )
    return [*asked, end]


def _fetch(message: Message, part: Part, started: float) -> Entry:
    return Entry(
        at=_at(started),
        connection=message.connection or "",
        kind=Kind.MEDIA_FETCH,
        text=f"GET {redact_url(part.url or '')}",
        direction=Way.OUT,
        message_id=message.id,
    )


def _fetched(message: Message, part: Part, ended: float, tags: Sequence[Tag]) -> Entry:
    stored = part.state is PartState.STORED
    about = f"{part.content_type}, {part.size} bytes, sha256 {part.sha256}"
    return Entry(
        at=_at(ended),
        connection=message.connection or "",
        kind=Kind.MEDIA_SAVED if stored else Kind.ERROR,
        text=f"part {part.index} stored: {about}" if stored else f"part {part.index}: {part.error}",
        level=Level.INFO if stored else Level.WARN,
        message_id=message.id,
        tags=tuple(tag for tag in tags if tag.value == part.path),
    )


def write_soon(runtime: Runtime, found: Sequence[Entry]) -> None:
    """Write entries that no other transaction takes along; on the loop, waited for by nobody but the process's end."""
    task = asyncio.create_task(asyncio.to_thread(_write, runtime, found))
    runtime.errands.add(task)
    task.add_done_callback(runtime.errands.discard)


def _write(runtime: Runtime, found: Sequence[Entry]) -> None:
    try:
        runtime.database.write(partial(logbook.write, entries=found))
    except StorageAway as error:
        log.warning("log_entries_lost", entries=len(found), reason=type(error).__name__)


def _entry(at: float, said: Said, connection: str, message_id: str | None) -> Entry:
    if isinstance(said, Request):
        return Entry(
            at=_at(at),
            connection=connection,
            kind=Kind.HTTP_REQUEST,
            direction=Way.OUT,
            text=f"{said.method} {redact_url(said.url)}",
            message_id=message_id,
            headers=redact_headers(said.headers),
            body=redact_body(said.body),
        )
    if isinstance(said, Response):
        return Entry(
            at=_at(at),
            connection=connection,
            kind=Kind.HTTP_RESPONSE,
            level=Level.INFO if said.status < _BAD_REQUEST else Level.WARN,
            direction=Way.IN,
            text=str(said.status),
            message_id=message_id,
            headers=redact_headers(said.headers),
            body=redact_body(said.body),
        )
    return Entry(
        at=_at(at),
        connection=connection,
        kind=Kind.ERROR,
        level=Level.WARN,
        text=mask_within(f"no answer: {said.detail}"),
        message_id=message_id,
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
