"""What operators look for among the messages of all accounts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from broker.domain.folder import Counter
from broker.domain.message import Direction, Message, Tag
from broker.domain.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class TagWish:
    """A tag that messages must have; without a value, any."""

    name: str
    value: str | None = None

    def fits(self, tags: Iterable[Tag]) -> bool:
        """Say whether one of some tags is meant."""
        return any(tag.name == self.name and self.value in (None, tag.value) for tag in tags)


def tag_of(text: str) -> TagWish:
    """Return what `name` or `name=value` asks for.

    Raises:
        ValueError: it has no name.
    """
    name, has_value, value = text.partition("=")
    if not name:
        raise ValueError("a tag is a name, or name=value")
    return TagWish(name=name, value=value if has_value else None)


def is_family(error: str) -> bool:
    """Say whether an error is a family of HTTP answers: `4xx` or `5xx`."""
    return error in {"4xx", "5xx"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which messages to list, newest first; what is absent leaves nothing out.

    `address` is a number of either end, whole or its beginning with a star. `counter` is one
    of a connection's: what counts for it is meant. `cause` is what the news that led to a message's
    state says, whole; `error` is its first word, or a family of them (`is_family`). `cursor` is the id to go on after.
    """

    direction: Direction | None = None
    statuses: tuple[Status, ...] = ()
    account: str = ""
    connection: str = ""
    counter: Counter | None = None
    address: str = ""
    cause: str | None = None
    error: str = ""
    mms: bool | None = None
    tag: TagWish | None = None
    since: datetime | None = None
    until: datetime | None = None
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSearch:
    """Which messages with stored files to list, newest first; what is absent leaves nothing out.

    `kind` is what a content type begins with. `newest` and `oldest` are the ids of the ends, both included; `cursor` is
    the id to go on after.
    """

    account: str = ""
    kind: str = ""
    newest: str = ""
    oldest: str = ""
    cursor: str = ""
    limit: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of messages. `older` is the cursor of what comes after, where there is any.

    `looked_to` is set where the search stopped before the page was full: the time of the last one it looked at.
    """

    messages: tuple[Message, ...]
    older: str | None = None
    looked_to: datetime | None = None
