"""Keep what came of a form for a while, so that its page can be loaded again and nothing is done twice."""

from collections.abc import Mapping
from hashlib import sha256

import msgspec

from broker.domain.ids import new_id
from broker.domain.value import value
from broker.keyspace import outcomes

LIFE_S = 3600
_SAID = "said"


@value
class Fate:
    """What became of one message: the new one's id where it was sent again, why nothing was done, or why we doubt."""

    id: str
    sent: str = ""
    refused: str = ""
    doubt: str = ""


@value
class Outcome:
    """What became of each message, and the form that asked for it."""

    fates: tuple[Fate, ...]
    form: Mapping[str, str]


class Outcomes:
    """Keeps outcomes for who sent their form: nobody else is shown them. Raises QueueAway while Redis is away."""

    def __init__(self, kept: outcomes.Outcomes) -> None:
        self._kept = kept

    async def keep(self, operator: str, way: str, once: str, outcome: Outcome) -> None:
        """Keep what came of a form, which is known by what it does and by its number."""
        await self._kept.keep(digest_of(operator, way, once), msgspec.json.encode(outcome))

    async def find(self, operator: str, way: str, once: str) -> Outcome | None:
        """Return what came of a form; None once that is not kept any more, and of somebody else's."""
        found = await self._kept.find(digest_of(operator, way, once))
        return None if found is None else msgspec.json.decode(found, type=Outcome)

    async def say(self, operator: str, text: str) -> str:
        """Keep a sentence that says what came of a form; return its number."""
        number = new_id()
        await self._kept.keep(digest_of(operator, _SAID, number), text.encode())
        return number

    async def said(self, operator: str, number: str) -> str:
        """Return a sentence by its number; empty once it is not kept any more, and where it is somebody else's."""
        found = await self._kept.find(digest_of(operator, _SAID, number))
        return "" if found is None else found.decode()


def digest_of(operator: str, way: str, once: str) -> str:
    """Return what names the outcome of a form."""
    return sha256("\0".join((operator, way, once)).encode()).hexdigest()
