"""Say what would come of dead letters if they were put back, and change nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from broker.directory import Snapshot
from broker.domain.dead import LOST, Kind, Letters, Outlook
from broker.domain.message import Message
from broker.domain.status import Status
from broker.errors import ConfigurationError, RecordsAway
from broker.keyspace import content
from broker.services import optouts
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import aside, dead_outlook, messages, webhooks
from broker.storage.database import Sql
from broker.storage.dead_outlook import Meant
from broker.storage.vault import Vault

MOST = 5000
"""Most letters that are looked at: a person decides by the shares."""
_PAGE = 500


@dataclass(slots=True, kw_only=True)
class _Fates:
    """The ids of letters by what would come of them."""

    lost: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    opted_out: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)


class Rehearsal:
    """Looks at letters and at what is on record of their work."""

    def __init__(self, settings: Settings, sql: AsyncSql, *, known: Callable[[], Snapshot | None]) -> None:
        self._settings = settings
        self._sql = sql
        self._known = known
        self._vault = Vault(settings.secret_key.get_secret_value())

    async def of(self, which: Letters) -> Outlook:
        """Return what would come of letters.

        Raises:
            Busy: SQL is away.
        """
        known = self._known()
        if known is None:
            raise RecordsAway("accounts cannot be read now")
        return await self._sql.read(partial(self._look, which=which, known=known, now=datetime.now(UTC)))

    def _look(self, sql: Sql, *, which: Letters, known: Snapshot, now: datetime) -> Outlook:
        fates, number, after = _Fates(), 0, ""
        while number < MOST:
            rows = dead_outlook.meant(sql, which, after=after, limit=_PAGE)
            self._sort(sql, rows, fates, known, now)
            number += len(rows)
            if len(rows) < _PAGE:
                break
            after = rows[-1].id
        return Outlook(
            number=dead_outlook.number(sql, which),
            looked_at=number,
            lost=len(fates.lost),
            expired=len(fates.expired),
            opted_out=len(fates.opted_out),
            done=len(fates.done),
        )

    def _sort(self, sql: Sql, rows: Sequence[Meant], fates: _Fates, known: Snapshot, now: datetime) -> None:
        lost = {one.id for one in rows if one.error == LOST}
        fates.lost |= lost
        left = [one for one in rows if one.id not in lost]
        hooks = {one.subject: one.id for one in left if one.kind is Kind.WEBHOOK}
        fates.done |= {hooks[digest] for digest in webhooks.kept(sql, hooks)}
        owed = {one.subject: one.id for one in left if one.kind is Kind.CALLBACK}
        fates.done |= {owed[name] for name in dead_outlook.told(sql, owed)}
        about = {one.subject: one for one in left if one.kind in aside.WAITING}
        recorded = messages.load(sql, about)
        waiting: dict[str, Message] = {}
        for name, letter in about.items():
            message = recorded.get(name) or self._unsealed(letter)
            if message is None:
                continue
            if name in recorded and message.status not in aside.WAITING[letter.kind]:
                (fates.expired if message.status is Status.EXPIRED else fates.done).add(letter.id)
            elif letter.kind is Kind.MESSAGE and message.valid_until <= now:
                fates.expired.add(letter.id)
            elif letter.kind is Kind.MESSAGE:
                waiting[name] = message
        refused = optouts.refused(sql, waiting.values(), known, self._settings)
        fates.opted_out |= {about[name].id for name in refused if name in about}

    def _unsealed(self, letter: Meant) -> Message | None:
        if letter.content is None:
            return None
        try:
            return content.decode(self._vault.open(letter.content).encode("latin-1"))
        except (ValueError, ConfigurationError):
            return None  # what broke it may be that nobody can read it
