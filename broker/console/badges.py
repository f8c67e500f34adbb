"""Numbers beside the names of pages: how much there needs a person."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from broker.console import words
from broker.console.visit import ROOT
from broker.errors import AdmissionError
from broker.services.attention import Attention


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """How much needs a person, and how the worst of it is to be taken."""

    number: int
    tone: str

    @property
    def means(self) -> str:
        """What the number means."""
        return f"{'needs' if self.number == 1 else 'need'} a person"


class Badges:
    """Says what needs a person, page by page."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention

    async def of_pages(self) -> Mapping[str, Badge]:
        """Return badges by the addresses of their pages; none while nobody can say."""
        try:
            return await self.look()
        except AdmissionError:
            return {}

    async def told(self) -> bytes:
        """Return for scripts what each badge says and means, in the words of the pages; raises as `look` does."""
        found = await self.look()
        return orjson.dumps(
            {page: (words.count(one.number), one.means, one.tone) for page, one in found.items()}
        )

    async def look(self) -> Mapping[str, Badge]:
        """Return badges by the addresses of their pages; raises Busy while nobody can say."""
        found: dict[str, Badge] = {}
        for one in await self._attention.look():
            page = ROOT + one.link.removeprefix(ROOT).partition("/")[0]
            was = found.get(page, Badge(number=0, tone=one.tone))
            tone = "bad" if "bad" in (was.tone, one.tone) else one.tone
            found[page] = Badge(number=was.number + one.number, tone=tone)
        return found
