"""Let what arrives during one round trip share the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Waiting(NamedTuple, Generic[T, R]):
    item: T
    weight: int
    since: float
    answer: "asyncio.Future[R]"


class Gathering(Generic[T, R]):
    """Calls `together` with what waits, one call at a time. No timer: an idle system adds no delay.

    `together` is given the items and when the first of them began to wait (on the loop's clock), and returns one
    answer for each; what it raises is raised to all of them. `most` bounds the sum of the weights of one call.
    """

    def __init__(
        self, together: Callable[[Sequence[T], float], Awaitable[Sequence[R]]], *, most: int
    ) -> None:
        self._together = together
        self._most = most
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None

    def join(self, item: T, *, weight: int = 1) -> "asyncio.Future[R]":
        """Hand in an item and return what will have its answer."""
        answer: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append(_Waiting(item, weight, self._loop.time(), answer))
        if self._task is None:
            self._task = self._loop.create_task(self._drain())
        return answer

    async def finish(self) -> None:
        """Return when nothing waits any more."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._round(self._next())
        finally:
            self._task = None

    def _next(self) -> list[_Waiting[T, R]]:
        batch = [self._waiting.popleft()]
        room = self._most - batch[0].weight
        while self._waiting and self._waiting[0].weight <= room:
            batch.append(self._waiting.popleft())
            room -= batch[-1].weight
        return batch

    async def _round(self, batch: list[_Waiting[T, R]]) -> None:
        try:
            answers = await self._together([waiting.item for waiting in batch], batch[0].since)
        except Exception as error:  # noqa: BLE001  # handed to whoever waits for it
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        for waiting, answer in zip(batch, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)
