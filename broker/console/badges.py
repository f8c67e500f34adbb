"""Numbers beside the names of pages: how much there needs a person."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.console.visit import ROOT
from broker.errors import AdmissionError
from broker.services.attention import Attention


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """How much needs a person, and how the worst of it is to be taken."""

    number: int
    tone: str


class Badges:
    """Says what needs a person, page by page."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention

    async def of_pages(self) -> Mapping[str, Badge]:
        """Return badges by the addresses of their pages; none while nobody can say."""
        try:
            troubles = await self._attention.look()
        except AdmissionError:
            return {}
        found: dict[str, Badge] = {}
        for one in troubles:
            page = ROOT + one.link.removeprefix(ROOT).partition("/")[0]
            was = found.get(page, Badge(number=0, tone=one.tone))
            tone = "bad" if "bad" in (was.tone, one.tone) else one.tone
            found[page] = Badge(number=was.number + one.number, tone=tone)
        return found
