"""See to submissions that may outlast the take that began them."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from broker.domain.message import Receipt
from broker.runtime import Runtime
from broker.services.outcome import Result

log = structlog.get_logger()

PATIENCE_S = 0.5
"""How long a quick answer may wait for a slow one to be recorded together."""


class Going(Protocol):
    """A submission that is under way."""

    @property
    def connection(self) -> str:
        """The name of the connection it goes by."""


One = TypeVar("One", bound=Going)


class Errand(Generic[One]):
    """The submissions of one take. `settle` records those that ended together, on a thread."""

    def __init__(
        self,
        runtime: Runtime,
        tasks: dict[asyncio.Task[Receipt], One],
        settle: Callable[[Sequence[tuple[One, Result]]], None],
    ) -> None:
        self._runtime = runtime
        self._tasks = tasks
        self._settle = settle
        self._behind: set[asyncio.Task[Receipt]] = set()

    async def run(self) -> None:
        """See to all of them, and return when they are recorded, or when this take shall wait no longer."""
        runtime = self._runtime
        errand = asyncio.create_task(self._see_to_all())
        runtime.errands.add(errand)
        errand.add_done_callback(self._done)
        await asyncio.wait([errand], timeout=runtime.settings.take_wait_s)
        if errand.done():
            errand.result()
            return
        # Only what outlasts its take is counted: the takes themselves are as many as the worker has threads.
        self._behind.update(self._tasks)
        runtime.afloat.update(self._tasks[task].connection for task in self._behind)

    async def _see_to_all(self) -> None:
        try:
            while self._tasks:
                done, _ = await asyncio.wait(self._tasks, timeout=PATIENCE_S)
                if done:
                    ended = [(self._tasks[task], _result(task)) for task in self._tasks if task in done]
                    await asyncio.to_thread(self._settle, ended)
                    self._forget(done)
        finally:
            self._forget([*self._tasks])

    def _forget(self, done: Iterable[asyncio.Task[Receipt]]) -> None:
        for task in done:
            connection = self._tasks.pop(task).connection
            if task in self._behind:
                self._behind.discard(task)
                self._runtime.afloat[connection] -= 1

    def _done(self, errand: asyncio.Task[None]) -> None:
        self._runtime.errands.discard(errand)
        if not errand.cancelled() and errand.exception() is not None:
            # The leases of these messages run out, and their outcome is unknown.
            log.error("submissions_broke", exc_info=errand.exception())


def _result(task: asyncio.Task[Receipt]) -> Result:
    return task.exception() or task.result()
