"""Quota and credit counters that Redis lost: what they must start from."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import orjson
from redis.exceptions import RedisError

from broker.dispatch import Queue
from broker.domain import period
from broker.domain.account import Account
from broker.domain.ids import made_at_ms
from broker.errors import Busy
from broker.keyspace import keys
from broker.keyspace.client import Async

_CHUNK = 500
_DAY_S = 24 * 3600


class Counters:
    """Sets what is missing and never changes what is there. Raises Busy when Redis cannot be asked."""

    def __init__(self, client: Async) -> None:
        self._client = client

    async def missing(self, account: Account, now: datetime) -> bool:
        """Say whether any counter that the account needs is missing."""
        names = list(_names(account, now))
        with _asking():
            return bool(names) and await self._client.exists(*names) < len(names)

    async def waiting(self, account: str, since: datetime | None) -> tuple[int, int]:
        """Return how many requests, and how many messages, of the account SQL does not hold yet.

        `since` leaves out what was admitted earlier, by the time in its id. A message that moves to SQL meanwhile may
        be counted here and there: ask here first, so that none is missed.
        """
        requests: set[str] = set()
        messages = 0
        with _asking():
            for queue in (Queue.SUBMIT, Queue.SUBMIT_HIGH):
                ids = _since(
                    [raw.decode() for raw in await self._client.zrange(keys.outbox(queue), 0, -1)], since
                )
                for n in range(0, len(ids), _CHUNK):
                    for raw in await self._client.mget(
                        [keys.content(known) for known in ids[n : n + _CHUNK]]
                    ):
                        content = orjson.loads(raw) if raw else {}
                        if content.get("account") == account:
                            requests.add(content.get("batch") or content["id"])
                            messages += len(content.get("members", ())) or 1
        return len(requests), messages

    async def seed(
        self, account: Account, now: datetime, *, day: int | None, month: int | None, credit: int | None
    ) -> None:
        """Set the counters that are missing: requests used so far, and credit left."""
        today, this_month = period.day(now, account.timezone), period.month(now, account.timezone)
        values = (
            (keys.quota(account.name, today.name), day, int((today.end - now).total_seconds()) + _DAY_S),
            (
                keys.quota(account.name, this_month.name),
                month,
                int((this_month.end - now).total_seconds()) + _DAY_S,
            ),
            (keys.credit(account.name), credit, _DAY_S),
        )
        with _asking():
            async with self._client.pipeline(transaction=False) as pipe:
                for name, value, life_s in values:
                    if value is not None:
                        pipe.set(name, value, nx=True, ex=life_s)
                await pipe.execute()


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except (OSError, RedisError, TimeoutError) as error:
        raise Busy("what the account has used cannot be read now") from error


def _since(ids: list[str], since: datetime | None) -> list[str]:
    """Return the ids that were made at or after a moment."""
    if since is None:
        return ids
    floor = since.timestamp() * 1000
    return [identifier for identifier in ids if made_at_ms(identifier) >= floor]


def _names(account: Account, now: datetime) -> Iterator[str]:
    if account.daily_limit is not None:
        yield keys.quota(account.name, period.day(now, account.timezone).name)
    if account.monthly_limit is not None:
        yield keys.quota(account.name, period.month(now, account.timezone).name)
    if account.credit is not None:
        yield keys.credit(account.name)
