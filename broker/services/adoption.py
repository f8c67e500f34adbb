"""Look again at news that was parked: the message may be here now, the number may be somebody's."""

from broker.metrics.measures import EVENTS
from broker.runtime import Runtime
from broker.services import counting, optouts, receive, reports
from broker.services.news import Applied, deadlines, go_on, take_in
from broker.services.owing import owe, tell_soon
from broker.storage import messages, parked
from broker.storage.database import Sql
from broker.storage.messages import Moved

ARRIVALS_MS = 5_000
"""Between two looks at what came for numbers that were nobody's."""
MOST = 200
"""Most pieces of one transaction."""
PASSES = 20
"""Most transactions of one turn."""


def look_again(runtime: Runtime) -> None:
    """Look at what is due of parked reports, and now and then at the owners of parked arrivals."""
    retry_parked(runtime)
    if runtime.schedule.turn("arrivals", every_ms=ARRIVALS_MS):
        adopt(runtime)


def retry_parked(runtime: Runtime, *, limit: int = MOST) -> int:
    """Look again for the messages of parked reports; return how many were found."""
    now_ms = runtime.ready.now_ms()
    known = runtime.directory.look()

    def job(sql: Sql) -> tuple[int, list[Moved], bool]:
        rows = parked.due(sql, now_ms, limit=limit)
        told = [(item.connection, *reports.load(item.news)) for _, item in rows]
        matched = reports.match(sql, told)
        moved = messages.move(sql, matched.moves, deadlines=deadlines(now_ms, runtime.settings))
        optouts.told_by_carrier(sql, matched.opt_outs, known, runtime.settings)
        misses = {id(report) for _, report, _ in matched.unmatched}
        found = [row for (row, _), (_, report, _) in zip(rows, told, strict=True) if id(report) not in misses]
        later = [
            (row, reports.look_again_at(item.at, now_ms))
            for (row, item), (_, report, _) in zip(rows, told, strict=True)
            if id(report) in misses
        ]
        parked.settle(sql, found, later)
        return len(found), moved, owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    found, moved, owed = runtime.database.write(job)
    counting.ended(runtime.meter, moved)
    runtime.meter.count(EVENTS, "found", by=found)
    tell_soon(runtime.schedule, owed=owed)
    return found


def adopt(runtime: Runtime) -> int:
    """Take in what arrived for numbers that are somebody's by now; return how many arrivals that were."""
    total = 0
    for _ in range(PASSES):
        found = _adopt(runtime)
        total += found
        if found < MOST:
            break
    return total


def _adopt(runtime: Runtime) -> int:
    if not runtime.database.read(lambda sql: parked.owned(sql, limit=1)):
        return 0
    now_ms = runtime.ready.now_ms()
    known = runtime.directory.look()

    def job(sql: Sql) -> tuple[int, Applied]:
        # The directory may not know the owner yet: such an arrival stays for the next turn.
        rows = [(row, item) for row, item in parked.owned(sql, limit=MOST) if item.recipient in known.owners]
        came = [(item.connection, *receive.load(item.news)) for _, item in rows]
        traces: dict[str | None, str] = {
            digest: receive.trace_of(item.news)
            for (_, item), (_, _, digest) in zip(rows, came, strict=True)
            if digest is not None
        }
        applied = take_in(sql, (), came, known=known, now_ms=now_ms, settings=runtime.settings, traces=traces)
        parked.settle(sql, [row for row, _ in rows], ())
        return len(rows), applied

    found, applied = runtime.database.write(job)
    go_on(runtime, applied, {"found": found})
    return found
