"""A layout sets the order, its text becomes the message's text, and a bad one changes nothing else."""

from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import ParseError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.layout import DEEPEST, LONGEST, MOST_ELEMENTS, sources
from broker.domain.message import Message, Part, PartKind, PartState
from broker.services.smil import arrange
from tests.factories import make_message

KINDS = {"txt": ("text/plain", PartKind.TEXT), "smil": ("application/smil", PartKind.LAYOUT)}
TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "mp4": "video/mp4", "amr": "audio/amr"}
ROOM = 2048


def slides(*names: str) -> bytes:
    """Return a layout of one slide for each name."""
    shown = "".join(f'<par dur="5s"><ref src="{name}" region="Image"/></par>' for name in names)
    return (
        f'<smil><head><layout><root-layout width="320"/></layout></head><body>{shown}</body></smil>'.encode()
    )


def make(files: dict[str, bytes], **changes: Any) -> tuple[Message, Callable[[Part], bytes]]:
    """Return a message with a stored part for each file, and what reads them."""
    parts = []
    for index, name in enumerate(files, start=1):
        extension = name.rpartition(".")[2]
        content_type, kind = KINDS.get(extension, (TYPES.get(extension, ""), PartKind.MEDIA))
        parts.append(
            Part(
                index=index,
                name=name,
                content_type=content_type,
                kind=kind,
                state=PartState.STORED,
                size=len(files[name]),
                path=f"/nowhere/{name}",
            )
        )
    return make_message(**{"text": "", "parts": tuple(parts), **changes}), lambda part: files[part.name]


def laid_out(files: dict[str, bytes], *, room: int = ROOM, **changes: Any) -> tuple[str, list[str]]:
    """Return text and names of the arranged message."""
    message, read = make(files, **changes)
    arranged = arrange(message, read, room=room)
    return arranged.text, [part.name for part in arranged.parts]


def test_two_slides_keep_their_order_and_their_texts_are_joined() -> None:
    layout = b"""<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body>
      <par dur="5s"><img src="menu.jpg" region="Image"/><text src="menu.txt" region="Text"/></par>
      <par dur="8000ms"><video src="clip.mp4"/><text src="bye.txt"/></par></body></smil>"""
    files = {
        "bye.txt": b"Bye\r\n",
        "clip.mp4": b"2",
        "show.smil": layout,
        "menu.txt": b"Menu",
        "menu.jpg": b"1",
    }

    assert laid_out(files) == ("Menu\nBye", ["menu.jpg", "clip.mp4"])


def test_the_text_of_the_message_comes_first() -> None:
    assert laid_out({"a.txt": b"two", "s.smil": slides("a.txt")}, text="one") == ("one\ntwo", [])


@pytest.mark.parametrize(
    "layout",
    [
        b'<!DOCTYPE smil [<!ENTITY a "b">]><smil><body><img src="b.jpg"/>&a;</body></smil>',
        b'<!DOCTYPE smil SYSTEM "http://127.0.0.1:1/smil.dtd"><smil><body><img src="b.jpg"/></body></smil>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE smil><smil><img src="b.jpg"/></smil>'.encode(
            "utf-16"
        ),
        b'<?xml version="1.0" encoding="nonsense"?><smil><img src="b.jpg"/></smil>',
        b'<html><body><img src="b.jpg"/></body></html>',
        b'<smil><body><img src="b.jpg"/>',
        b"",
        b"\0\xff\xfe",
        slides("b.jpg") + b" " * LONGEST,
        b"<smil>" + b"<par>" * DEEPEST + b'<img src="b.jpg"/>' + b"</par>" * DEEPEST + b"</smil>",
        b"<smil>" + b"<par/>" * MOST_ELEMENTS + b'<img src="b.jpg"/></smil>',
    ],
)
def test_a_layout_that_cannot_be_used_is_ignored_and_the_parts_are_kept(layout: bytes) -> None:
    files = {"a.jpg": b"1", "s.smil": layout, "b.jpg": b"2", "t.txt": b"words"}

    assert laid_out(files, text="Hi") == ("Hi", ["a.jpg", "b.jpg", "t.txt"])


def test_a_layout_that_is_gone_is_ignored() -> None:
    message, _ = make({"a.jpg": b"1", "s.smil": b""})

    def read(part: Part) -> bytes:
        raise FileNotFoundError(part.name)

    assert [part.name for part in arrange(message, read, room=ROOM).parts] == ["a.jpg"]


def test_the_second_layout_serves_where_the_first_cannot_be_used() -> None:
    files = {"1.smil": b"<smil>", "a.jpg": b"1", "b.jpg": b"2", "2.smil": slides("b.jpg", "a.jpg")}

    assert laid_out(files) == ("", ["b.jpg", "a.jpg"])


def test_a_message_goes_without_a_part_that_is_missing() -> None:
    files = {"a.jpg": b"1", "c.jpg": b"3", "s.smil": slides("c.jpg", "b.jpg", "a.jpg")}

    assert laid_out(files) == ("", ["c.jpg", "a.jpg"])


def test_what_no_slide_names_comes_at_the_end() -> None:
    files = {"x.txt": b"last", "y.gif": b"1", "a.jpg": b"2", "b.txt": b"first"}

    assert laid_out({**files, "s.smil": slides("a.jpg", "b.txt")}) == ("first\nlast", ["a.jpg", "y.gif"])


def test_what_two_slides_name_is_sent_once_where_it_came_first() -> None:
    files = {"a.jpg": b"1", "b.jpg": b"2", "s.smil": slides("b.jpg", "a.jpg", "b.jpg")}

    assert laid_out(files) == ("", ["b.jpg", "a.jpg"])


@pytest.mark.parametrize(
    "source",
    [
        "b.jpg",
        "B.JPG",
        " b.jpg ",
        "cid:b.jpg",
        "CID:b.jpg",
        "cid:%3Cb.jpg%3E",
        "cid:b",
        "b",
        "pics/b.jpg",
        "b.webp",
    ],
)
def test_a_part_is_found_by_file_name_content_id_or_name(source: str) -> None:
    assert laid_out({"a.jpg": b"1", "b.jpg": b"2", "s.smil": slides(source)}) == ("", ["b.jpg", "a.jpg"])


def test_a_part_is_found_under_the_name_that_was_made_safe() -> None:
    files = {"a.jpg": b"1", "my_lunch.jpg": b"2", "s.smil": slides("my lunch.jpg")}

    assert laid_out(files) == ("", ["my_lunch.jpg", "a.jpg"])


def test_an_exact_name_goes_before_a_similar_one() -> None:
    files = {"b.png": b"1", "b.jpg": b"2", "s.smil": slides("b.jpg", "b.png")}

    assert laid_out(files) == ("", ["b.jpg", "b.png"])


@pytest.mark.parametrize(
    "source", ["http://127.0.0.1/b.jpg", "file:///b.jpg", "data:,b.jpg", "//h/../", "cid:", "."]
)
def test_a_name_that_leads_elsewhere_means_nothing(source: str) -> None:
    assert laid_out({"a.jpg": b"1", "b.jpg": b"2", "s.smil": slides(source)}) == ("", ["a.jpg", "b.jpg"])


def test_text_that_has_no_room_stays_a_part_and_so_does_what_follows() -> None:
    files = {"1.txt": b"12345", "2.txt": b"6789", "3.txt": b"0", "s.smil": slides("1.txt", "2.txt", "3.txt")}

    assert laid_out(files, room=9) == ("12345", ["2.txt", "3.txt"])
    assert laid_out(files, room=10) == ("12345\n6789", ["3.txt"])


@pytest.mark.parametrize("data", ["Zoë".encode(), "Zoë".encode("utf-8-sig"), "Zoë".encode("utf-16")])
def test_text_is_read_in_what_phones_write(data: bytes) -> None:
    assert laid_out({"a.txt": data, "s.smil": slides("a.txt")}) == ("Zoë", [])


@pytest.mark.parametrize("data", [b"Zo\xeb", b"a\0b", b"\xff\xfea"])
def test_text_that_cannot_be_read_stays_a_part(data: bytes) -> None:
    assert laid_out({"a.txt": data, "b.txt": b"b", "s.smil": slides("a.txt")}) == ("b", ["a.txt"])


def test_text_without_a_layout_stays_a_part() -> None:
    assert laid_out({"a.txt": b"words", "b.jpg": b"1"}, text="Hi") == ("Hi", ["a.txt", "b.jpg"])


def test_the_message_itself_is_not_changed() -> None:
    message, read = make({"a.txt": b"a", "s.smil": slides("a.txt")})

    assert arrange(message, read, room=ROOM) is not message
    assert (message.text, len(message.parts)) == ("", 2)


def test_elements_around_the_media_do_not_matter() -> None:
    layout = b'<smil><body><seq><switch><a href="x"><IMG src="b.jpg"/></a></switch></seq></body></smil>'

    assert laid_out({"a.jpg": b"1", "b.jpg": b"2", "s.smil": layout}) == ("", ["b.jpg", "a.jpg"])


def test_an_entity_is_not_expanded() -> None:
    bomb = b'<!DOCTYPE s [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><smil>&b;</smil>'

    with pytest.raises(ValueError, match="DTD"):
        sources(bomb)


@given(st.binary(max_size=400))
def test_no_bytes_whatever_break_the_reading(layout: bytes) -> None:
    try:
        found = sources(layout)
    except (ParseError, ValueError, LookupError):
        return
    assert all(isinstance(source, str) for source in found)
