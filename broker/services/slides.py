"""The slides of a message, as its SMIL layout shows them on a phone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.domain.layout import UNREADABLE, slides
from broker.domain.message import Message, Part, PartKind
from broker.services.smil import part_named, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Something on a slide: a part with its words, if it has any; without a part, a name that no part has."""

    source: str
    part: Part | None = None
    text: str | None = None


def show(message: Message, read: Callable[[Part], bytes]) -> Sequence[Sequence[Piece]] | None:
    """Return the slides of a message's layout; None where it has none that can be read. Nothing is ever fetched.

    `read` returns the bytes of a part and may raise OSError.
    """
    shown = [part for part in message.parts if part.kind is not PartKind.LAYOUT]
    for layout in message.parts:
        if layout.kind is PartKind.LAYOUT:
            try:
                return [[_piece(source, shown, read) for source in one] for one in slides(read(layout))]
            except (OSError, *UNREADABLE):
                continue
    return None


def _piece(source: str, parts: Sequence[Part], read: Callable[[Part], bytes]) -> Piece:
    part = part_named(parts, source)
    if part is None or part.kind is not PartKind.TEXT:
        return Piece(source=source, part=part)
    return Piece(source=source, part=part, text=text_of(part, read))
