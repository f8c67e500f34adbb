"""Order a message's parts as its SMIL layout shows them, for carriers that take no layout."""

from collections.abc import Callable, Sequence
from urllib.parse import unquote

import structlog

from broker.domain.filename import safe_name
from broker.domain.layout import UNREADABLE, sources
from broker.domain.message import Message, Part, PartKind
from broker.domain.value import replace

log = structlog.get_logger()

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def arrange(message: Message, read: Callable[[Part], bytes], *, room: int) -> Message:
    """Return a copy of the message as its layout shows it, without the layout (sheet mms-content, section 2).

    Parts come in the order in which slides name them, the others after them; names that no part has are passed over.
    Text parts become lines of the message's text, as far as that may grow to `room` characters: the first that does
    not fit, and every one after it, stays a part. Without a layout that can be read nothing but the layout is taken
    away. `read` returns the bytes of a part and may raise OSError. Nothing is ever fetched.
    """
    shown = tuple(part for part in message.parts if part.kind is not PartKind.LAYOUT)
    layouts = (part for part in message.parts if part.kind is PartKind.LAYOUT)
    sources = next(
        (found for part in layouts if (found := _sources(part, read, message.id)) is not None), None
    )
    if sources is None:
        return replace(message, parts=shown)
    lines: list[str] = [message.text] if message.text else []
    rest: list[Part] = []
    full = False
    for part in _ordered(shown, sources):
        line = None if full or part.kind is not PartKind.TEXT else text_of(part, read)
        if line is not None:
            full = len("\n".join((*lines, line))) > room
        if line is None or full:
            rest.append(part)
        elif line:
            lines.append(line)
    return replace(message, text="\n".join(lines), parts=tuple(rest))


def _sources(layout: Part, read: Callable[[Part], bytes], message_id: str) -> list[str] | None:
    """Return what a layout names, in the order it does; None where it cannot be used."""
    try:
        return sources(read(layout))
    except (OSError, *UNREADABLE) as error:
        log.info("layout_ignored", message_id=message_id, reason=type(error).__name__)
        return None


def _ordered(parts: Sequence[Part], named: Sequence[str]) -> list[Part]:
    waiting = list(parts)
    placed: list[Part] = []
    for source in named:
        part = part_named(waiting, source)
        if part is not None:
            waiting.remove(part)
            placed.append(part)
    return placed + waiting


def part_named(parts: Sequence[Part], source: str) -> Part | None:
    """Return the part that a slide means: by its name as it is, or as the name was made safe to keep.

    The second also finds `cid:photo` as photo.jpg, and photo.webp as the photo.jpg that was made of it.
    """
    name = source.strip()
    scheme, colon, rest = name.partition(":")
    if colon and scheme.lower() == "cid":
        name = unquote(rest).strip("<>")
    elif colon:
        return None  # it lies elsewhere, and nothing is fetched
    if not name:
        return None
    exact = (part for part in parts if part.name.casefold() == name.casefold())
    alike = (
        part
        for part in parts
        if safe_name(name, part.content_type).casefold() == safe_name(part.name, part.content_type).casefold()
    )
    return next(exact, None) or next(alike, None)


def text_of(part: Part, read: Callable[[Part], bytes]) -> str | None:
    """Return what a text part says, or None where that cannot be told: UTF-8, or UTF-16 with its mark."""
    try:
        data = read(part)
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text.replace("\r\n", "\n").strip("\n")
