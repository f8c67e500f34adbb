"""Parts are what their bytes say they are."""

import pytest

from broker.domain.content_type import by_name, canonical, extension_of
from broker.domain.media import kind_of, settle, sniff
from broker.domain.message import PartKind
from broker.errors import MediaWrongType

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0"
SMIL = b'<smil><head><layout/></head><body><par dur="5s"><img src="a.jpg"/></par></body></smil>'


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (JPEG, "image/jpeg"),
        (PNG, "image/png"),
        (b"GIF87a\1\0\1\0", "image/gif"),
        (b"GIF89a\1\0\1\0", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\x24\0\0\0AVI LIST", None),
        (b"\0\0\0\x18ftyp3gp4\0\0\0\0", "video/3gpp"),
        (b"\0\0\0\x18ftyp3g2a\0\0\0\0", "video/3gpp2"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0", "audio/mp4"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"ID3\4\0\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\0", "audio/mpeg"),
        (b"\xff\xf3\x40\x64\0", "audio/mpeg"),
        (b"\xff\xfb\xf0\x64\0", None),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"BEGIN:VCARD\r\nVERSION:3.0", "text/vcard"),
        (b"\xef\xbb\xbfbegin:vcard\n", "text/vcard"),
        (b"BEGIN:VCALENDAR\r\n", "text/calendar"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"BM is how this note begins", None),
        (SMIL, "application/smil"),
        (b'<?xml version="1.0"?>\n<!-- a --><!DOCTYPE smil PUBLIC "x" "y">\n' + SMIL, "application/smil"),
        (b'<s:smil xmlns:s="http://www.w3.org/2001/SMIL20/">', "application/smil"),
        (b"<!DOCTYPE HTML><p>", "text/html"),
        (b"  \n<HTML><body>", "text/html"),
        (b"<script>alert(1)</script>", "text/html"),
        (b"<!-- x --><svg onload='x'>", "image/svg+xml"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><note/>", "application/xml"),
        (b"<!-- never closed", None),
        (b"<3 you", None),
        (b"hello", None),
        (b"", None),
        (b"\0" * 64, None),
    ],
)
def test_bytes_show_their_type(data: bytes, known: str | None) -> None:
    assert sniff(data) == known


@pytest.mark.parametrize(
    ("data", "declared", "name", "settled"),
    [
        (JPEG, "image/jpeg", "a.jpg", "image/jpeg"),
        (JPEG, "image/png", "a.png", "image/jpeg"),
        (JPEG, "", "", "image/jpeg"),
        (JPEG, "application/octet-stream", "a", "image/jpeg"),
        (JPEG, "text/plain", "a.txt", "image/jpeg"),
        (b"hello", "text/plain; charset=utf-8", "a.txt", "text/plain"),
        (b"hello", "application/octet-stream", "note.TXT", "text/plain"),
        ("h\u00e9llo".encode("utf-16"), "text/plain", "a.txt", "text/plain"),
        (b"\0\0\0\x18ftypisom", "audio/mp4", "a.m4a", "audio/mp4"),
        (b"\0\0\0\x18ftypisom", "image/jpeg", "a.jpg", "video/mp4"),
        (b"BEGIN:VCALENDAR\n", "text/x-vCalendar", "a.vcs", "text/x-vcalendar"),
        (SMIL, "application/xml", "0.xml", "application/smil"),
        (b"not really", "application/smil", "0.smil", "application/smil"),
    ],
)
def test_bytes_win_over_the_label(data: bytes, declared: str, name: str, settled: str) -> None:
    assert settle(data, declared, name) == settled


@pytest.mark.parametrize(
    ("data", "declared", "name"),
    [
        (b"<!doctype html><title>x</title>", "image/jpeg", "a.jpg"),
        (b"<html>", "text/plain", "a.txt"),
        (b"<svg xmlns='x'/>", "image/svg+xml", "a.svg"),
        (b"<svg xmlns='x'/>", "image/png", "a.png"),
        (b"garbage", "image/jpeg", "a.jpg"),
        (b"garbage", "application/octet-stream", "a.jpg"),
        (b"", "image/jpeg", "a.jpg"),
        (b"MZ\x90\0\3\0", "text/plain", "a.txt"),
        (b"PK\3\4", "application/zip", "a.zip"),
        (b"PK\3\4", "image/png", "a.png"),
        (b"var x = 1", "text/javascript", "a.js"),
        (b"anything", "application/vnd.oma.drm.message", "a.dm"),
        (b"anything", "", ""),
    ],
)
def test_a_part_that_is_not_carried_is_refused(data: bytes, declared: str, name: str) -> None:
    with pytest.raises(MediaWrongType):
        settle(data, declared, name)


@pytest.mark.parametrize(
    ("content_type", "name", "data", "kind"),
    [
        ("application/smil", "", b"", PartKind.LAYOUT),
        ("application/smil+xml; charset=utf-8", "x", b"", PartKind.LAYOUT),
        ("", "0.SMIL", b"", PartKind.LAYOUT),
        ("application/octet-stream", "a.smi", b"", PartKind.LAYOUT),
        ("", "layout.xml", b"", PartKind.LAYOUT),
        ("application/xml", "layout.xml", SMIL, PartKind.LAYOUT),
        ("application/xml", "data.xml", b"<?xml version='1.0'?><data/>", PartKind.MEDIA),
        ("text/plain; charset=utf-8", "a.txt", b"", PartKind.TEXT),
        ("image/jpeg", "a.jpg", b"", PartKind.MEDIA),
        ("", "", b"", PartKind.MEDIA),
    ],
)
def test_a_part_is_known_by_what_it_is_for(content_type: str, name: str, data: bytes, kind: PartKind) -> None:
    assert kind_of(content_type, name, data) is kind


def test_a_type_has_one_spelling() -> None:
    assert canonical(" Image/JPG ; q=1") == "image/jpeg"
    assert canonical("text/x-vCard") == "text/vcard"
    assert canonical("") == ""


def test_types_and_extensions_name_each_other() -> None:
    assert (extension_of("image/pjpeg"), extension_of("application/x-unknown")) == ("jpg", "bin")
    assert (by_name("A.JPEG"), by_name("noext"), by_name("a.exe")) == ("image/jpeg", "", "")
