"""Let what arrives during one round trip share the next."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_Waiting = tuple[T, int, float, asyncio.Future[R]]
"""An item, its weight, when it began to wait, and what will have its answer: made for every send, so a bare tuple."""


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
        self._waiting.append((item, weight, self._loop.time(), answer))
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
        room = self._most - batch[0][1]
        while self._waiting and (weight := self._waiting[0][1]) <= room:
            batch.append(self._waiting.popleft())
            room -= weight
        return batch

    async def _round(self, batch: list[_Waiting[T, R]]) -> None:
        _, _, since, _ = batch[0]
        try:
            answers = await self._together([item for item, _, _, _ in batch], since)
        except Exception as error:  # noqa: BLE001  # handed to whoever waits for it
            for _, _, _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error)
            return
        for (_, _, _, waiting), answer in zip(batch, answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)
