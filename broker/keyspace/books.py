"""The door's own count of what it admitted, and what is in Redis of that."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from broker.dispatch import Queue
from broker.domain.ids import made_at_ms, new_id
from broker.domain.ledger import HOUR_MS
from broker.domain.value import value
from broker.keyspace import keys
from broker.keyspace.client import Sync

Page = tuple[str, int]
"""An account, and an hour counted from the Unix epoch."""

QUEUES = (Queue.SUBMIT, Queue.SUBMIT_HIGH)
_CHUNK = 500
_EPOCH = b"epoch"


def entry_of(account: str, message_id: str) -> str:
    """Return under what a message is counted: the hour that its id was made in, and whose it is."""
    return f"{int(message_id[:8] + message_id[9:13], 16) // HOUR_MS} {account}"


def hour_of(message_id: str) -> int:
    """Return the hour that an id was made in."""
    return made_at_ms(message_id) // HOUR_MS


@value
class Held:
    """An id in an outbox: whose its messages are and which, as far as its content is there."""

    queue: Queue
    id: str
    account: str | None
    messages: tuple[str, ...]


class Books:
    """Reads the door's count; finds what waits in Redis, and what waits there for nobody. For threads."""

    def __init__(self, client: Sync) -> None:
        self._client = client

    def accepted(self) -> tuple[str, Mapping[Page, int]]:
        """Return the count by account and hour, and the id of its life: a count that was lost begins another."""
        self._client.hsetnx(keys.accepted(), "epoch", new_id())
        found: Any = self._client.hgetall(keys.accepted())
        epoch = found.pop(_EPOCH).decode()
        counted: dict[Page, int] = {}
        for entry, number in found.items():
            hour, _, account = entry.decode().partition(" ")
            counted[account, int(hour)] = int(number)
        return epoch, counted

    def forget(self, pages: Iterable[Page]) -> None:
        """Forget the count of hours that SQL has."""
        names = [f"{hour} {account}" for account, hour in pages]
        if names:
            self._client.hdel(keys.accepted(), *names)

    def held(self) -> Iterator[Held]:
        """Yield what is in the outboxes, with what its content says of it; a group message by its leader."""
        for queue in QUEUES:
            for ids in self._pages(queue):
                names = [keys.content(name) for name in ids]
                contents: Any = self._client.mget(names)
                for name, content in zip(ids, contents, strict=True):
                    yield _held(queue, name, content)

    def stray(self) -> Iterator[list[str]]:
        """Yield, a few hundred at a time, ids of contents that are in no outbox, but for the members of groups."""
        for names in self._contents():
            ids = [name.decode().partition(":")[2] for name in names]
            with self._client.pipeline(transaction=False) as pipe:
                for queue in QUEUES:
                    pipe.zmscore(keys.outbox(queue), ids)
                pipe.mget(names)
                normal, high, contents = pipe.execute()
            yield [
                name
                for name, one, other, content in zip(ids, normal, high, contents, strict=True)
                if one is None and other is None and _leads(name, content)
            ]

    def enter(self, ids: Iterable[str], *, now_ms: int) -> None:
        """Enter ids in the outbox as overdue: the scheduler lets them wait for a take again."""
        dues = dict.fromkeys(ids, now_ms)
        if dues:
            self._client.zadd(keys.outbox(Queue.SUBMIT), dues, nx=True)

    def _pages(self, queue: Queue) -> Iterator[list[str]]:
        seen: set[str] = set()  # a scan may come by the same entry twice
        cursor: Any = 0
        while True:
            cursor, found = self._client.zscan(keys.outbox(queue), cursor, count=_CHUNK)  # type: ignore[misc]
            ids = [name for raw, _ in found if (name := raw.decode()) not in seen]
            seen.update(ids)
            if ids:
                yield ids
            if not cursor:
                return

    def _contents(self) -> Iterator[list[bytes]]:
        cursor: Any = 0
        while True:
            cursor, found = self._client.scan(cursor, match=keys.content("*"), count=_CHUNK)  # type: ignore[misc]
            if found:
                yield found
            if not cursor:
                return


def _held(queue: Queue, name: str, content: bytes | None) -> Held:
    if content is None:
        return Held(queue=queue, id=name, account=None, messages=())
    if b'"members":' not in content:
        account = content.partition(b'"account":"')[2].partition(b'"')[0]
        if account and b"\\" not in account:
            return Held(queue=queue, id=name, account=account.decode(), messages=(name,))
    try:
        known = orjson.loads(content)
        return Held(
            queue=queue, id=name, account=known["account"], messages=tuple(known.get("members") or (name,))
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Held(queue=queue, id=name, account="", messages=(name,))  # it is there, and breaks its take


def _leads(name: str, content: bytes | None) -> bool:
    """Say whether a content is entered by its own id: all but those that a group's leader brings along."""
    if content is None:
        return False
    if b'"members":' not in content:
        return True
    try:
        members = orjson.loads(content).get("members") or [name]
    except (ValueError, AttributeError):
        return True
    return bool(members[0] == name)
