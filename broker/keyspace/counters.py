"""Quota and credit counters that Redis lost: what they must start from."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import orjson
from redis.exceptions import RedisError

from broker.dispatch import Queue
from broker.domain import period
from broker.domain.account import Account
from broker.domain.charge import PRICE
from broker.domain.ids import new_id
from broker.domain.value import value
from broker.errors import OutOfCredit, QueueAway, QuotaExceeded
from broker.keyspace import keys
from broker.keyspace.client import Async
from broker.keyspace.keys import DAY_S

COUNTING_S = 30
"""How long the counting of an account may take."""

_CHUNK = 500
_LUA = Path(__file__).parent / "lua"


@value
class Waiting:
    """A message, or a group by its leader, that is admitted and was not on record when it was looked for.

    `batch` is the request it came with, if that had several recipients; `reserved` is its price, where it is prepaid.
    """

    id: str
    batch: str | None
    reserved: int
    at: datetime


@value
class Counted:
    """What an account has used, as counted anew: requests of its day and month, and its credit where it needs one.

    `left` holds all changes of the credit up to `version`, whose sum is `adjusted`.
    """

    day: int
    month: int
    left: int | None = None
    version: int = 0
    adjusted: int = 0


class Counters:
    """Sets what is missing and never changes what is there. Raises QueueAway when Redis cannot be asked."""

    def __init__(self, client: Async) -> None:
        self._client = client
        self._seed, self._adjust = (
            client.register_script((_LUA / f"{name}.lua").read_text()) for name in ("seed", "adjust")
        )

    async def missing(self, account: Account, now: datetime) -> bool:
        """Say whether any counter that the account needs is missing."""
        names = list(_names(account, now))
        with _asking():
            return bool(names) and await self._client.exists(*names) < len(names)

    async def check(self, account: Account, now: datetime, *, wanted: int) -> None:
        """Return if a request for so many credits would be taken now; nothing is counted, a missing counter is 0.

        Raises:
            QuotaExceeded, OutOfCredit: it would not.
        """
        today, this_month = period.day(now, account.timezone), period.month(now, account.timezone)
        with _asking():
            async with self._client.pipeline(transaction=False) as pipe:
                pipe.get(keys.quota(account.name, today.name))
                pipe.get(keys.quota(account.name, this_month.name))
                pipe.hget(keys.credit(account.name), "left")
                day, month, left = [int(found or 0) for found in await pipe.execute()]
        if account.daily_limit is not None and day >= account.daily_limit:
            raise exceeded("day", account, now)
        if account.monthly_limit is not None and month >= account.monthly_limit:
            raise exceeded("month", account, now)
        if account.credit is not None and left < wanted:
            raise exceeded("credit", account, now)

    async def begin(self, account: str) -> bytes:
        """Return a mark that Redis keeps as long as it loses nothing; `seed` asks for it."""
        with _asking():
            await self._client.set(keys.counting(account), new_id(), nx=True, ex=COUNTING_S)
            return await self._client.get(keys.counting(account)) or b""

    async def waiting(self, account: str) -> list[Waiting]:
        """Return what is admitted of the account's messages and may not be on record yet.

        One that moves to SQL meanwhile is found here, there, or in both: ask here first, and there for the ids.
        """
        found: list[Waiting] = []
        with _asking():
            for queue in (Queue.SUBMIT, Queue.SUBMIT_HIGH):
                ids = [raw.decode() for raw in await self._client.zrange(keys.outbox(queue), 0, -1)]
                for n in range(0, len(ids), _CHUNK):
                    names = [keys.content(known) for known in ids[n : n + _CHUNK]]
                    contents = (orjson.loads(raw) for raw in await self._client.mget(names) if raw)
                    found += [_waiting(content) for content in contents if content["account"] == account]
        return found

    async def seed(self, account: Account, now: datetime, counted: Counted, *, mark: bytes) -> bool:
        """Set the counters that are missing; say whether that could be done: nothing was lost since `begin`."""
        today, this_month = period.day(now, account.timezone), period.month(now, account.timezone)
        names = [
            keys.counting(account.name),
            keys.quota(account.name, today.name),
            keys.quota(account.name, this_month.name),
            keys.credit(account.name),
        ]
        words: list[bytes | str | int] = [mark, counted.day, int((today.end - now).total_seconds()) + DAY_S]
        words += [counted.month, int((this_month.end - now).total_seconds()) + DAY_S]
        words += ["" if counted.left is None else counted.left, counted.version, counted.adjusted, DAY_S]
        with _asking():
            return bool(await self._seed(keys=names, args=words))

    async def adjust(self, account: str, *, version: int, adjusted: int) -> tuple[int, int] | None:
        """Let the credit counter learn of changes; return what is left and the version that is true of.

        None: there is no counter, and the one to come will be made from the record.
        """
        with _asking():
            answer = await self._adjust(keys=[keys.credit(account)], args=[version, adjusted])
        return (int(answer[0]), int(answer[1])) if answer else None


def exceeded(what: str, account: Account, now: datetime) -> QuotaExceeded | OutOfCredit:
    """Return the error for a limit that is reached: `day`, `month` or `credit`."""
    if what == "credit":
        return OutOfCredit("the account's credit does not cover the request")
    current = period.day if what == "day" else period.month
    left = current(now, account.timezone).end - now
    return QuotaExceeded(
        f"the account's requests for this {what} are used up",
        period=what,
        retry_after_s=max(int(left.total_seconds()), 1),
    )


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except (OSError, RedisError, TimeoutError) as error:
        raise QueueAway("what the account has used cannot be read now") from error


def _waiting(content: dict[str, object]) -> Waiting:
    members = content.get("members", ())
    assert isinstance(members, list | tuple)
    batch = content.get("batch")
    return Waiting(
        id=str(content["id"]),
        batch=None if batch is None else str(batch),
        reserved=PRICE * (len(members) or 1) if content.get("prepaid") else 0,
        at=datetime.fromisoformat(str(content["created_at"])),
    )


def _names(account: Account, now: datetime) -> Iterator[str]:
    if account.daily_limit is not None:
        yield keys.quota(account.name, period.day(now, account.timezone).name)
    if account.monthly_limit is not None:
        yield keys.quota(account.name, period.month(now, account.timezone).name)
    if account.credit is not None:
        yield keys.credit(account.name)
