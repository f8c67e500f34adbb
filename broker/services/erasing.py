"""Erase numbers: a little at a time, from where the last sweep stopped, until nothing is left of them."""

from collections.abc import Sequence
from functools import partial

import structlog

from broker.dispatch import Queue
from broker.domain.erasure import Erasure, Step
from broker.domain.status import Event
from broker.runtime import Runtime
from broker.services.erasing_letters import letters_of
from broker.services.handle import CANCELLABLE
from broker.services.outcome import at
from broker.services.owing import owe
from broker.services.removal import removable, remove_files
from broker.storage import dead, erasing, erasures, messages, redaction, retention
from broker.storage.database import Sql
from broker.storage.messages import Move
from broker.storage.tables import messages as message_table
from broker.storage.tables import webhooks as webhook_table
from broker.storage.vault import Vault

log = structlog.get_logger()

MOST = 1000
"""Most rows that one transaction looks at."""
PASSES = 100
"""Most transactions of one turn for one number."""
GRACE_MS = 120_000
"""After that long, what came before the request is in the record, unless it waits in line."""
CANCELLED = "its number was erased"


def erase(runtime: Runtime, *, most: int = MOST, passes: int = PASSES, grace_ms: int = GRACE_MS) -> None:
    """Go on with every erasure that is under way."""
    for one in runtime.database.read(erasures.under_way):
        secret_key = runtime.settings.secret_key.get_secret_value()
        number = Vault(secret_key).open(one.number or "")
        erased: Erasure | None = one
        for _ in range(passes):
            erased = _Turn(runtime, erased, number, most, grace_ms).take() if erased else None
            if erased is None:
                break


class _Turn:
    """One transaction's worth of one erasure."""

    def __init__(self, runtime: Runtime, erasure: Erasure, number: str, most: int, grace_ms: int) -> None:
        self._runtime, self._erasure, self._number = runtime, erasure, number
        self._most, self._grace_ms = most, grace_ms
        self._now_ms = runtime.ready.now_ms()

    def take(self) -> Erasure | None:
        """Do it; return the erasure as it is then if there is more to do now."""
        steps = {
            Step.WAIT: self._wait,
            Step.MESSAGES: self._messages,
            Step.OPEN: self._open,
            Step.WEBHOOKS: self._webhooks,
            Step.PARKED: self._parked,
            Step.OPT_OUTS: self._opt_outs,
        }
        if not steps[self._erasure.step]():
            return None
        rows = self._runtime.database.read(erasures.under_way)
        return next((row for row in rows if row.id == self._erasure.id), None)

    def _wait(self) -> bool:
        """Go on once all that was accepted, or came, before the request is in the record."""
        asked_ms = round(self._erasure.at.timestamp() * 1000)
        oldest = [self._runtime.ready.oldest_ms(queue) for queue in _UNRECORDED]
        if self._now_ms < asked_ms + self._grace_ms or any(
            ms is not None and ms <= asked_ms for ms in oldest
        ):
            return False
        self._runtime.database.write(lambda sql: self._advance(sql, Step.MESSAGES))
        return True

    def _messages(self) -> bool:
        after, read = self._erasure.after, self._runtime.database.read
        upto = read(partial(erasing.edge, column=message_table.c.id, after=after, limit=self._most))
        found = read(partial(erasing.of_number, number=self._number, after=after, upto=upto))
        self._cancel(found)
        ready = self._without_files(found)
        step = Step.OPEN if upto is None else Step.MESSAGES

        def job(sql: Sql) -> None:
            done = self._erase(sql, ready)
            retention.leave(sql, self._erasure.id, set(found) - set(done))
            self._advance(sql, step, "" if upto is None else upto, messages=len(done))

        self._runtime.database.write(job)
        return True

    def _open(self) -> bool:
        """Do those that had not ended in their turn; wait where some still have not."""
        after, left, owner = "", False, self._erasure.id
        while True:
            ids = self._runtime.database.read(
                partial(retention.left, owner=owner, after=after, limit=self._most)
            )
            if not ids:
                break
            after = ids[-1]
            self._cancel(ids)
            ready = self._without_files(ids)

            def job(sql: Sql, ready: Sequence[str] = ready) -> Sequence[str]:
                done = self._erase(sql, ready)
                retention.settle(sql, owner, done)
                self._advance(sql, Step.OPEN, messages=len(done))
                return done

            left |= len(self._runtime.database.write(job)) < len(ids)
            self._erasure = next(
                row for row in self._runtime.database.read(erasures.under_way) if row.id == owner
            )
        if not left:
            self._runtime.database.write(lambda sql: self._advance(sql, Step.WEBHOOKS))
        return not left

    def _webhooks(self) -> bool:
        after = self._erasure.after
        ask = partial(erasing.edge, column=webhook_table.c.digest, after=after, limit=self._most)
        upto = self._runtime.database.read(ask)
        step = Step.PARKED if upto is None else Step.WEBHOOKS

        def job(sql: Sql) -> None:
            count = erasing.erase_webhooks(sql, self._number, after=after, upto=upto)
            self._advance(sql, step, "" if upto is None else upto, webhooks=count)

        self._runtime.database.write(job)
        return True

    def _parked(self) -> bool:
        letters, now = letters_of(self._runtime, self._number), at(self._now_ms)

        def job(sql: Sql) -> None:
            erased = dead.erase(sql, letters, at=now, by=self._erasure.who, reason=CANCELLED)
            parked = erasing.erase_parked(sql, self._number)
            self._advance(sql, Step.OPT_OUTS, parked=parked, letters=erased)

        self._runtime.database.write(job)
        return True

    def _opt_outs(self) -> bool:
        def job(sql: Sql) -> None:
            count = erasing.erase_opt_outs(sql, self._number, self._erasure.subject)
            self._advance(sql, Step.DONE, opt_outs=count)

        self._runtime.database.write(job)
        self._runtime.database.purge()
        log.info("number_erased", erasure=self._erasure.id)
        return False

    def _cancel(self, ids: Sequence[str]) -> None:
        """Cancel what has not been sent; a group is one submission, so it is cancelled as a whole."""
        known, now_ms = self._runtime.directory.look(), self._now_ms

        def job(sql: Sql) -> None:
            found = messages.load(sql, erasing.with_groups(sql, ids))
            moves = [
                Move(id=name, event=Event.CANCEL, at=at(now_ms), key=Event.CANCEL, detail=CANCELLED)
                for name, one in sorted(found.items())
                if one.status in CANCELLABLE
            ]
            if moves:
                owe(sql, messages.move(sql, moves), known, now_ms=now_ms, settings=self._runtime.settings)

        if ids:
            self._runtime.database.write(job)

    def _without_files(self, ids: Sequence[str]) -> Sequence[str]:
        """Remove the files of what has ended, and return that; others of a group keep theirs."""
        ready = self._runtime.database.read(partial(removable, ids=ids)) if ids else []
        if ready:
            ask = partial(erasing.own, ids=ready, number=self._number)
            own = self._runtime.database.read(ask)
            shared = partial(erasing.shared_files, ids=own, number=self._number)
            remove_files(self._runtime, own, spare=self._runtime.database.read(shared))
        return ready

    def _erase(self, sql: Sql, ready: Sequence[str]) -> Sequence[str]:
        done = redaction.closed(sql, ready) if ready else []
        if done:
            erasing.erase_messages(sql, done, self._number, self._erasure.subject, at(self._now_ms))
        return done

    def _advance(self, sql: Sql, step: Step, after: str = "", **counts: int) -> None:
        erasures.advance(sql, self._erasure, step, after, counts, at=at(self._now_ms))


_UNRECORDED = (Queue.SUBMIT, Queue.SUBMIT_HIGH, Queue.EVENTS)
