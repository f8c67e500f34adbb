"""What phones got and what they wrote, as those see it who hold one."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote

from broker.simulator.events import stamp
from broker.simulator.inbound import InboundMessage
from broker.simulator.journal import Journal
from broker.simulator.shelf import Item, Shelf

LATEST = 500
"""How many messages are looked at, each way."""
_LONGEST_TEXT = 64 * 1024
_READ = ("text/plain", "application/smil", "application/xml", "text/xml")
"""Types whose content a phone shows, or lays out by; an odd name for a layout among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A message that a phone wrote; `media` are the links to its parts."""

    number: int
    at: str
    phone: str
    other: str
    text: str
    media: Sequence[str]


class Phones:
    """Remember what phones wrote lately, beside the journal of what they got."""

    def __init__(self, journal: Journal, shelf: Shelf, *, media_url: Callable[[], str]) -> None:
        self._journal = journal
        self._shelf = shelf
        self._written: deque[Written] = deque(maxlen=LATEST)
        self._number = 0
        self._media_url = media_url

    def wrote(self, message: InboundMessage, media: Sequence[str]) -> None:
        """Remember a message, instead of the oldest where there are many."""
        self._number += 1
        self._written.append(
            Written(
                number=self._number,
                at=stamp(),
                phone=message.sender,
                other=message.to[0],
                text=message.text,
                media=media,
            )
        )

    def clear(self) -> None:
        """Forget what was written; the numbers go on."""
        self._written.clear()

    @property
    def seen(self) -> str:
        """A name for how much was said; it changes when there is more."""
        return f"{self._journal.next_number}.{self._number}"

    def said(self, phone: str = "") -> list[dict[str, Any]]:
        """Return what was said last, by time, with all phones or with one."""
        said = (one for one in (*self._got(), *self._sent()) if phone in ("", one["phone"]))
        return [
            {**one, "media": [self._part(link) for link in one["media"]]}
            for one in sorted(said, key=lambda one: str(one["at"]))
        ]

    def file(self, way: str, number: int, index: int) -> Item | None:
        """Return a part of a message, if it is of our own store."""
        if way == "wrote":
            links = next((one.media for one in self._written if one.number == number), ())
        else:
            links = [link for one in self._journal.after(number - 1, 1) for link in one.shown()["media"]]
        return self._item(links[index]) if 0 <= index < len(links) else None

    def _got(self) -> Iterator[dict[str, Any]]:
        first = max(0, self._journal.next_number - 1 - LATEST)
        for entry in (one.shown() for one in self._journal.after(first, LATEST)):
            told = {name: entry[name] for name in ("number", "at", "text", "media", "outcome")}
            for phone in entry["to"]:
                if isinstance(phone, str):
                    yield {"way": "got", "phone": phone, "other": entry["from"], **told}

    def _sent(self) -> Iterator[dict[str, Any]]:
        for one in self._written:
            yield {"way": "wrote", "outcome": "posted", **asdict(one)}

    def _part(self, link: object) -> dict[str, Any]:
        """Return what is known of a part: of one that lies elsewhere its name only."""
        item = self._item(link)
        part = {"name": unquote(str(link).rsplit("/", 1)[-1]), "content_type": "", "size": None, "text": None}
        if item is None:
            return part
        kind = item.content_type.partition(";")[0].strip().lower()
        shown = kind in _READ and len(item.data) <= _LONGEST_TEXT
        text = item.data.decode(errors="replace") if shown else None
        return {**part, "content_type": kind, "size": len(item.data), "text": text}

    def _item(self, link: object) -> Item | None:
        store = self._media_url()
        own = isinstance(link, str) and link.startswith(store)
        return self._shelf.find(unquote(str(link).removeprefix(store))) if own else None
