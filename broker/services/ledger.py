"""Check that what was accepted is somewhere: waiting, in flight, at its end, or parked."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from broker.domain.ledger import Line, Standing, difference, hour_at, total
from broker.domain.value import replace
from broker.keyspace.books import Page, hour_of
from broker.runtime import Runtime
from broker.services import park
from broker.services.backlog import repaired_later
from broker.services.outcome import at
from broker.storage import ledger, quota
from broker.storage.database import Sql

log = structlog.get_logger()

EVERY_MS = 10_000
"""Between two checks, as long as they are quick."""

IDLE = 20
"""A check that takes long is not made again for so many times as long."""

KEPT = timedelta(hours=48)
"""How long the door's count stays in Redis, and an hour that does not balance is looked at."""

SETTLES = timedelta(minutes=10)
"""An hour that balanced so long after its end, with nothing of it in Redis, needs no other look."""

EXACT = 20_000
"""Up to so many waiting ids are looked for in SQL; of more, those that are just being recorded may count twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The door's count before and after somebody looked, and what was found meanwhile."""

    epoch: str
    before: Mapping[Page, int]
    after: Mapping[Page, int]
    places: Mapping[int, Mapping[str, Standing]]
    unrecorded: Counter[Page]


def sweep(runtime: Runtime) -> None:
    """Check if it is time."""
    if not runtime.schedule.turn("ledger", every_ms=EVERY_MS):
        return
    started = time.monotonic()
    check(runtime)
    took_ms = round((time.monotonic() - started) * 1000)
    if took_ms * IDLE > EVERY_MS:
        runtime.schedule.rest("ledger", for_ms=took_ms * IDLE)


def check(runtime: Runtime) -> list[Line]:
    """Compare what was accepted with what is there, keep what was found, and repair what can be."""
    now_ms = runtime.ready.now_ms()
    since = at(now_ms) - KEPT
    epoch, before = runtime.books.accepted()
    waiting, ids = _held(runtime, now_ms)
    known = {
        (line.account, line.hour): line for line in runtime.database.read(partial(ledger.checks, since=since))
    }
    noted = runtime.database.read(partial(ledger.noted, since=since))
    ever = {page for _, page in noted}
    # A door whose clock is behind may have taken something in an hour that is over.
    grown = {page for page, number in before.items() if noted.get((epoch, page), 0) < number}
    pages = grown | {page for page in {*before, *waiting, *ever} if not _is_settled(page, known, waiting)}
    hours = {hour for _, hour in pages}
    job = partial(_look, hours=hours, waiting=waiting, ids=ids)
    places, unrecorded = runtime.database.snapshot(job)
    _, after = runtime.books.accepted()
    counted = Counted(epoch=epoch, before=before, after=after, places=places, unrecorded=unrecorded)
    lines = [_line(page, counted, noted, now_ms) for page in sorted(_all_pages(pages, places, known))]
    changed = {page: number for page, number in after.items() if noted.get((epoch, page), 0) < number}
    runtime.database.write(partial(_keep, epoch=epoch, changed=changed, lines=lines))
    _tell(runtime, [*lines, *_untouched(known, lines)], now_ms)
    if any(line.difference > 0 for line in lines):
        repair(runtime)
    runtime.books.forget(page for page in before if hour_at(page[1]) < since)
    return lines


def repair(runtime: Runtime) -> None:
    """Enter messages whose content is in Redis and that wait nowhere: somebody deleted what they waited in."""
    now_ms = runtime.ready.now_ms()
    entered = 0
    for ids in runtime.books.stray():
        runtime.books.enter(ids, now_ms=now_ms)
        entered += len(ids)
    if entered:
        log.error("strays_entered", messages=entered)


def _held(runtime: Runtime, now_ms: int) -> tuple[Counter[Page], dict[str, Page]]:
    """Return how many messages wait in Redis, and each by its id unless there are very many."""
    waiting: Counter[Page] = Counter()
    ids: dict[str, Page] = {}
    for one in runtime.books.held():
        if one.account is None:
            # Nothing can be done but to name it, if it is not on record by now.
            runtime.database.write(partial(park.lost, names=[one.id], now_ms=now_ms))
            with repaired_later():
                runtime.ready.drop(one.queue, [one.id])
        for name in one.messages:
            page = one.account or "", hour_of(name)
            waiting[page] += 1
            if len(ids) <= EXACT:
                ids[name] = page
    return waiting, ids


def _is_settled(page: Page, known: Mapping[tuple[str, datetime], Line], waiting: Counter[Page]) -> bool:
    line = known.get((page[0], hour_at(page[1])))
    return (
        line is not None
        and not waiting[page]
        and line.difference == 0
        and line.checked_at > hour_at(page[1] + 1) + SETTLES
    )


def _look(
    sql: Sql, *, hours: Iterable[int], waiting: Counter[Page], ids: Mapping[str, Page]
) -> tuple[dict[int, dict[str, Standing]], Counter[Page]]:
    """Return where the recorded messages are, and how many of those in Redis are not on record; in one snapshot."""
    places = {hour: ledger.standing(sql, hour) for hour in hours}
    if len(ids) > EXACT:
        return places, waiting
    recorded = quota.recorded(sql, ids)
    return places, Counter(page for name, page in ids.items() if name not in recorded)


def _all_pages(
    pages: set[Page], places: Mapping[int, Mapping[str, Standing]], known: Mapping[tuple[str, datetime], Line]
) -> set[Page]:
    """Return the pages to check: also those of accounts that the door has not counted."""
    found = {(account, hour) for hour, accounts in places.items() for account in accounts}
    settled = {page for page in found - pages if _is_settled(page, known, Counter())}
    return pages | (found - settled)


def _line(page: Page, counted: Counted, noted: Mapping[tuple[str, Page], int], now_ms: int) -> Line:
    account, hour = page
    standing = counted.places.get(hour, {}).get(account, Standing())
    standing = replace(standing, waiting=standing.waiting + counted.unrecorded[page])
    # What was noted of this life counts where Redis has gone back, or forgotten an old hour.
    earlier = sum(number for (epoch, one), number in noted.items() if one == page and epoch != counted.epoch)
    least = noted.get((counted.epoch, page), 0)
    before = earlier + max(counted.before.get(page, 0), least)
    after = earlier + max(counted.after.get(page, 0), least)
    missing = difference(before=before, found=standing.found, after=after)
    return Line(
        account=account,
        hour=hour_at(hour),
        # While messages move, as many were accepted as are found: a moment lies between two looks.
        accepted=standing.found + missing,
        standing=standing,
        difference=missing,
        checked_at=at(now_ms),
    )


def _keep(sql: Sql, *, epoch: str, changed: Mapping[Page, int], lines: Sequence[Line]) -> None:
    ledger.note(sql, epoch, changed)
    ledger.keep(sql, lines)


def _untouched(known: Mapping[tuple[str, datetime], Line], lines: Sequence[Line]) -> list[Line]:
    checked = {(line.account, line.hour) for line in lines}
    return [line for place, line in known.items() if place not in checked]


def _tell(runtime: Runtime, lines: Sequence[Line], now_ms: int) -> None:
    number = total(lines)
    runtime.figures.stand(
        {
            "ledger_difference": number,
            "ledger_checked_ms": now_ms,
            "ledger_accepted": sum(line.accepted for line in lines),
            "ledger_waiting": sum(line.standing.waiting for line in lines),
            "ledger_in_flight": sum(line.standing.in_flight for line in lines),
            "ledger_final": sum(line.standing.final for line in lines),
            "ledger_parked": sum(line.standing.parked for line in lines),
        }
    )
    if number:
        wrong = [line for line in lines if line.difference]
        for line in wrong:
            log.error(
                "ledger_differs", account=line.account, hour=line.hour.isoformat(), difference=line.difference
            )
