"""Slides of a message, as its layout has them."""

from broker.domain.message import Part, PartKind, PartState
from broker.services.slides import Piece, show
from tests.factories import make_message

PICTURE = Part(index=1, name="a b.png", content_type="image/png", state=PartState.STORED)
WORDS = Part(index=2, name="hi.txt", content_type="text/plain", kind=PartKind.TEXT, state=PartState.STORED)
LAYOUT = Part(index=3, name="s.smil", content_type="application/smil", kind=PartKind.LAYOUT)


def shown(layout: bytes, *, parts: tuple[Part, ...] = (PICTURE, WORDS, LAYOUT)) -> object:
    held = {"s.smil": layout, "hi.txt": "grüß dich".encode()}
    return show(make_message(parts=parts), lambda part: held[part.name])


def test_what_a_par_holds_is_one_slide_and_names_are_matched_to_parts() -> None:
    layout = b"""<smil><body><par dur="5s"><img src="cid:a b.png"/><text src="hi.txt"/></par>
    <img src="A B.PNG"/>
    <par><seq><ref src="http://evil.example/x"/></seq><audio src="gone.amr"/></par><par/></body></smil>"""
    assert shown(layout) == [
        [
            Piece(source="cid:a b.png", part=PICTURE),
            Piece(source="hi.txt", part=WORDS, text="grüß dich"),
        ],
        [Piece(source="A B.PNG", part=PICTURE)],
        [Piece(source="http://evil.example/x"), Piece(source="gone.amr")],
    ]


def test_without_a_layout_that_can_be_read_there_are_no_slides() -> None:
    for layout in (b"", b"<smil", b'<!DOCTYPE smil [<!ENTITY a "b">]><smil/>', b"x" * 70_000, b"<html/>"):
        assert shown(layout) is None
    assert shown(b"<smil/>", parts=(PICTURE,)) is None
    assert shown(b"<smil/>") == []


def test_a_layout_whose_file_is_gone_is_none() -> None:
    def gone(part: Part) -> bytes:
        raise FileNotFoundError(part.name)

    assert show(make_message(parts=(LAYOUT,)), gone) is None
