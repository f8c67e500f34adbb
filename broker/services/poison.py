"""Do work so that what breaks its take harms only itself, and set it aside after three tries."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from broker.dispatch import Queue
from broker.domain.dead import TRIES, Trace
from broker.keyspace.client import AWAY
from broker.keyspace.ready import Popped
from broker.log import told_without_content
from broker.runtime import Runtime
from broker.services.backlog import repaired_later
from broker.storage.away import is_away

Work = Callable[[Sequence[str]], None]
Park = Callable[[str, Trace], None]


def work_on(runtime: Runtime, queue: Queue, popped: Popped, work: Work, *, park: Park) -> None:
    """Do the work for the ids together, and by itself for each that was tried too often to be innocent.

    One that broke its own try, too, or killed its worker in it, is parked. Whatever one of these raises is raised
    after the last: two poisonous ids must not stand in a good one's way.
    """
    ids = list(dict.fromkeys(popped.ids))
    suspected = [one for one in ids if popped.tries[one] >= TRIES]
    traces = runtime.suspects.told(queue, suspected, now_ms=popped.now_ms)
    together = {one: popped.tries[one] for one in ids if popped.tries[one] < TRIES}
    with ExitStack() as batches:
        for one in reversed(suspected):
            if one not in traces:
                batches.callback(_try_alone, runtime, queue, one, work, park)
            elif (trace := traces[one]) is not None:  # else somebody else tries it at this moment
                batches.callback(park, one, trace)
        if together:
            batches.callback(_try_together, runtime, queue, together, work)


def trace_of(error: BaseException) -> Trace:
    """Return what is kept of an error: its types and where it came from, never its text."""
    told = told_without_content(error)
    where = told["where"]
    assert isinstance(where, list)
    return Trace(error=str(told["error"]), where=tuple(where))


def is_nobodys_fault(error: BaseException) -> bool:
    """Say whether Redis or SQL did not serve, which tells nothing of the work itself."""
    return isinstance(error, AWAY) or is_away(error)


def _try_together(runtime: Runtime, queue: Queue, tries: Mapping[str, int], work: Work) -> None:
    with _Together(runtime, queue, tries):
        work(list(tries))


class _Together:
    """A try of many, counted as it begins: one that Redis or SQL broke counts against none of them."""

    def __init__(self, runtime: Runtime, queue: Queue, tries: Mapping[str, int]) -> None:
        self._runtime = runtime
        self._queue = queue
        self._tries = tries

    def __enter__(self) -> Self:
        self._runtime.ready.begin(self._queue, self._tries)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if error is not None and is_nobodys_fault(error):
            with repaired_later():
                self._runtime.ready.forgive(self._queue, list(self._tries))


def _try_alone(runtime: Runtime, queue: Queue, name: str, work: Work, park: Park) -> None:
    with _Alone(runtime, queue, name, park):
        work([name])


class _Alone:
    """A try of one id by itself: what is known of it is written down before it begins, since it may kill its worker."""

    def __init__(self, runtime: Runtime, queue: Queue, name: str, park: Park) -> None:
        self._runtime = runtime
        self._queue = queue
        self._name = name
        self._park = park

    def __enter__(self) -> Self:
        now_ms, settings = self._runtime.ready.now_ms(), self._runtime.settings
        # By then the outbox has put it back.
        until_ms = now_ms + round(settings.put_back_s * 1000 * 2 ** (TRIES - 1))
        self._runtime.suspects.begin(self._queue, self._name, until_ms=until_ms)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        suspects = self._runtime.suspects
        if error is None or is_nobodys_fault(error):
            with repaired_later():
                suspects.acquit(self._queue, self._name)
        elif isinstance(error, Exception):
            trace = trace_of(error)
            suspects.tell(self._queue, self._name, trace)
            self._park(self._name, trace)
