"""The event log of a connection: what was said over it, without secrets or content."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from broker.domain.message import Tag


class Level(StrEnum):
    """How much an entry matters to people."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def at_least(level: Level, least: Level) -> bool:
    """Say whether an entry matters as much as another would."""
    order = tuple(Level)
    return order.index(level) >= order.index(least)


class Kind(StrEnum):
    """What an entry tells (protocol sheet Ozeki, 7.4)."""

    HTTP_REQUEST = "http_request"
    HTTP_RESPONSE = "http_response"
    MESSAGE_SENT = "message_sent"
    MESSAGE_RECEIVED = "message_received"
    MEDIA_FETCH = "media_fetch"
    MEDIA_SAVED = "media_saved"
    REPORT = "report"
    RETRY = "retry"
    ERROR = "error"


class Way(StrEnum):
    """Which way something went, seen from us."""

    OUT = "out"
    IN = "in"
    NONE = "none"


class Order(StrEnum):
    """Which entries come first."""

    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log. `headers` and `body` hold only what may be kept; `at` is aware UTC."""

    at: datetime
    connection: str
    kind: Kind
    text: str
    level: Level = Level.INFO
    direction: Way = Way.NONE
    message_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """Where an entry stands among all others, for good: by time, then by where it is kept, then within that."""

    at_ms: int
    rank: int
    row: str
    part: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which entries of a connection to show, and from which position on; `least` is how much they must matter."""

    connection: str
    since: datetime | None = None
    until: datetime | None = None
    direction: Way | None = None
    least: Level = Level.INFO
    message: str | None = None
    oldest_first: bool = False
    after: Position | None = None
    limit: int = 50

    @property
    def is_narrow(self) -> bool:
        """Say whether some of what was said is left out, so that a page of it may be far apart."""
        return self.direction is not None or self.least is not Level.INFO

    def takes(self, entry: Entry) -> bool:
        """Say whether an entry is one of those that are asked for."""
        if self.direction is not None and entry.direction is not self.direction:
            return False
        return at_least(entry.level, self.least)
