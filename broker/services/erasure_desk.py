"""Take operators' requests to erase a number, and show what came of them."""

from datetime import UTC, datetime

from broker.domain.address import normalise
from broker.domain.deed import kept
from broker.domain.erasure import Erasure, Step
from broker.domain.ids import new_id
from broker.domain.pseudonym import pseudonym
from broker.errors import InvalidField
from broker.services.sql import AsyncSql
from broker.settings import Settings
from broker.storage import accounts, erasures
from broker.storage.database import Sql
from broker.storage.vault import Vault


class ErasureDesk:
    """Enters erasures; a sweep does them. Every method raises Busy while SQL is away."""

    def __init__(self, settings: Settings, sql: AsyncSql) -> None:
        self._secret_key = settings.secret_key.get_secret_value()
        self._sql = sql

    async def begin(self, number: str, *, country: str, who: str, reason: str) -> Erasure:
        """Have a number or mail address erased; while that is under way already, return that one.

        Raises:
            InvalidRecipient: it is no number.
            InvalidField: it is one of our own.
        """
        whole = number.strip() if "@" in number else normalise(number, country, pointer="/number")

        def job(sql: Sql) -> Erasure:
            if accounts.owners_of(sql, whole):
                raise InvalidField("is a number of ours", pointer="/number")
            now = datetime.now(UTC).replace(microsecond=0)
            wanted = Erasure(
                id=new_id(),
                subject=pseudonym(self._secret_key, whole),
                number=Vault(self._secret_key).seal(whole),
                at=now,
                who=who,
                reason=kept(reason.replace(whole, "***")),
                step=Step.WAIT,
            )
            return erasures.begin(sql, wanted)

        return await self._sql.write(job)

    async def every(self) -> list[Erasure]:
        """Return the newest erasures."""
        return await self._sql.read(erasures.every)
