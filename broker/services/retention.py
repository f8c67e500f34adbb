"""Remove texts, files and events that were kept for long enough, from where the last sweep stopped."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from broker.domain.ids import first_id_of
from broker.domain.rules import USUAL, Kept, Rules
from broker.runtime import Runtime
from broker.services.outcome import at
from broker.services.removal import removable, remove_files
from broker.settings import Settings
from broker.storage import redaction, retention
from broker.storage.database import Sql

log = structlog.get_logger()

MOST = 500
"""Most messages of one transaction: others want to write too."""
PASSES = 100
"""Most transactions of one turn."""


def forget_old(runtime: Runtime, *, most: int = MOST, passes: int = PASSES) -> None:
    """Look at every account once; a sweep that is cut off goes on where it was."""
    now = at(runtime.ready.now_ms())
    known = runtime.directory.look().rules
    counts: Counter[str] = Counter()
    for account in runtime.database.read(redaction.accounts_with_messages):
        for kind in Kept:
            before = now - timedelta(days=days_of(known.get(account, USUAL), kind, runtime.settings))
            done = _later(runtime, account, kind, now)
            more = True
            while more and passes > 0:
                some, more = _pass(runtime, account, kind, first_id_of(before), now, most)
                done += some
                passes -= 1
            counts[kind] += done
    if counts.total():
        runtime.database.purge()
        log.info("content_forgotten", **counts)


def days_of(rules: Rules, kind: Kept, settings: Settings) -> int:
    """Return how many days an account's content is kept: as it says, else as the settings say."""
    usual = {
        Kept.TEXT: settings.keep_text_days,
        Kept.MEDIA: settings.keep_media_days,
        Kept.EVENTS: settings.keep_events_days,
    }
    return rules.days.get(kind, usual[kind])


def _pass(
    runtime: Runtime, account: str, kind: Kept, before: str, now: datetime, most: int
) -> tuple[int, bool]:
    """Do the next messages of an account; return how many were done, and whether there may be more."""
    was = runtime.database.read(partial(retention.place, account=account, kind=kind))
    query = partial(redaction.page, account=account, after=was, before=before, limit=most)
    ids = runtime.database.read(query)
    if not ids:
        return 0, False
    ready = _prepared(runtime, kind, ids)

    def job(sql: Sql) -> int:
        done = redaction.closed(sql, ready)
        count = _remove(sql, kind, done, now)
        if not retention.advance(sql, account, kind, was=was, after=ids[-1], done=count, at=now):
            return 0  # somebody else does the same, and is ahead: what was removed is gone all the same
        retention.leave(sql, retention.owner(account, kind), set(ids) - set(done))
        return count

    return runtime.database.write(job), len(ids) == most


def _later(runtime: Runtime, account: str, kind: Kept, now: datetime) -> int:
    """Do what was still open in its turn and no longer is."""
    owner, after, count = retention.owner(account, kind), "", 0
    for _ in range(PASSES):
        ids = runtime.database.read(partial(retention.left, owner=owner, after=after, limit=MOST))
        if not ids:
            break
        after = ids[-1]
        ready = _prepared(runtime, kind, ids)

        def job(sql: Sql, ready: Sequence[str] = ready) -> int:
            done = redaction.closed(sql, ready)
            retention.settle(sql, owner, done)
            return _remove(sql, kind, done, now)

        if ready:
            count += runtime.database.write(job)
    return count


def _prepared(runtime: Runtime, kind: Kept, ids: Sequence[str]) -> Sequence[str]:
    """Return those whose time has come; their files are removed before any row says so, and a crash repeats that."""
    if kind is not Kept.MEDIA:
        return ids
    ready = runtime.database.read(partial(removable, ids=ids))
    remove_files(runtime, ready)
    return ready


def _remove(sql: Sql, kind: Kept, ids: Sequence[str], now: datetime) -> int:
    if not ids:
        return 0
    if kind is Kept.TEXT:
        return redaction.blank_texts(sql, ids, now)
    if kind is Kept.MEDIA:
        return redaction.remove_parts(sql, ids)
    return redaction.drop_history(sql, ids)
