"""SMIL layouts: what they show, read without building a tree or fetching anything; and one for parts that have none."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from broker.domain.message import Part, PartKind

LONGEST = 64 * 1024
"""Most bytes of a layout that is read."""
MOST_ELEMENTS = 200
DEEPEST = 16

UNREADABLE = (ParseError, ValueError, LookupError)
"""What `sources` raises: forbidden markup is a ValueError, an odd encoding any of these."""
Hostile = DefusedXmlException
"""The one of these that no honest tool brings about: a document type, or entities."""

_HEAD = (
    '<head><layout><root-layout width="100%" height="100%"/>'
    '<region id="Image" left="0" top="0" width="100%" height="80%" fit="meet"/>'
    '<region id="Text" left="0" top="80%" width="100%" height="20%" fit="scroll"/></layout></head>'
)
_SHOWING = frozenset({"img", "video", "audio", "text", "ref"})


def sources(layout: bytes) -> list[str]:
    """Return the `src` of everything that a SMIL document shows, in its order.

    Raises:
        ValueError: it is too large, too deep, no SMIL, or (Hostile) holds a document type or entities.
        ParseError, LookupError: it is no XML that can be read.
    """
    return [source for slide in slides(layout) for source in slide]


def slides(layout: bytes) -> list[list[str]]:
    """Return the same by slide: what a `par` holds is shown together, anything beside one by itself.

    Raises:
        ValueError, ParseError, LookupError: as `sources`.
    """
    if len(layout) > LONGEST:
        raise ValueError("the layout is too large")
    reader = _Reader()
    parser = DefusedXMLParser(target=reader, forbid_dtd=True)
    parser.feed(layout)
    parser.close()
    return [slide for slide in reader.slides if slide]


def build(parts: Sequence[Part]) -> bytes:
    """Return a layout that shows parts in their order, five seconds each, a text together with what is before it."""
    slides: list[list[Part]] = []
    for part in parts:
        joins = part.kind is PartKind.TEXT and slides and slides[-1][-1].kind is not PartKind.TEXT
        if joins:
            slides[-1].append(part)
        else:
            slides.append([part])
    body = "".join(f'<par dur="5s">{_shown(slide)}</par>' for slide in slides)
    return f"<smil>{_HEAD}<body>{body}</body></smil>".encode()


def _shown(slide: Iterable[Part]) -> str:
    return "".join(
        f'<{_element(part)} src={quoteattr(part.name)} region="{"Text" if part.kind is PartKind.TEXT else "Image"}"/>'
        for part in slide
    )


def _element(part: Part) -> str:
    if part.kind is PartKind.TEXT:
        return "text"
    family = part.content_type.partition("/")[0]
    return {"image": "img", "video": "video", "audio": "audio"}.get(family, "ref")


class _Reader:
    """Notes what a document shows while it is parsed; no tree is built of it."""

    def __init__(self) -> None:
        self.slides: list[list[str]] = []
        self._within: int | None = None
        self._elements = 0
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        name = tag.rpartition("}")[2].lower()
        self._elements += 1
        self._depth += 1
        if self._elements > MOST_ELEMENTS or self._depth > DEEPEST:
            raise ValueError("the layout is too deep, or has too many elements")
        if self._elements == 1 and name != "smil":
            raise ValueError("the layout is not SMIL")
        if name in _SHOWING and attributes.get("src"):
            if self._within is None:
                self.slides.append([])
            self.slides[-1].append(attributes["src"])
        elif name == "par" and self._within is None:
            self._within = self._depth
            self.slides.append([])

    def end(self, tag: str) -> None:  # noqa: ARG002  # the parser gives it
        """End an element."""
        if self._within == self._depth:
            self._within = None
        self._depth -= 1
