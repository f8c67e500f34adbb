"""Other people's file names, made safe."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.filename import LONGEST, attachment, distinct, name_in, safe_name


@pytest.mark.parametrize(
    ("name", "content_type", "safe"),
    [
        ("IMG_0042.jpg", "image/jpeg", "IMG_0042.jpg"),
        ("IMG_0042.JPEG", "image/jpeg", "IMG_0042.jpeg"),
        ("photo.png", "image/jpeg", "photo.jpg"),
        ("photo", "image/jpeg", "photo.jpg"),
        ("run.exe", "image/gif", "run.gif"),
        ("../../etc/passwd", "text/plain", "passwd.txt"),
        ("..\\..\\boot.ini", "text/plain", "boot.txt"),
        ("..%2f..%2fetc%2fpasswd", "text/plain", "_.._etc_passwd.txt"),
        ("%252e%252e%252fx.txt", "text/plain", "_2e_2e_2fx.txt"),
        (".htaccess", "text/plain", "htaccess.txt"),
        ("menu for today!.jpg", "image/jpeg", "menu_for_today_.jpg"),
        ("cafe\u0301.jpg", "image/jpeg", "caf\u00e9.jpg"),
        ("a\0b\nc.jpg", "image/jpeg", "a_b_c.jpg"),
        ("gpj.\u202eexe.jpg", "image/jpeg", "gpj._exe.jpg"),
        ("CON.txt", "text/plain", "_CON.txt"),
        ("lpt1.tar.txt", "text/plain", "_lpt1.tar.txt"),
        ("", "image/png", "part.png"),
        ("...", "image/png", "part.png"),
        ("x.smil", "application/smil", "x.smil"),
        ("x", "application/x-odd", "x.bin"),
    ],
)
def test_a_name_is_made_safe(name: str, content_type: str, safe: str) -> None:
    assert safe_name(name, content_type) == safe


def test_a_long_name_keeps_its_extension() -> None:
    assert safe_name("x" * 500 + ".jpg", "image/jpeg").endswith("x.jpg")
    assert len(safe_name("x" * 500 + ".jpg", "image/jpeg")) <= LONGEST
    assert len(safe_name("\U00020000" * 500 + ".jpg", "image/jpeg").encode()) <= 200


@given(st.text(max_size=300), st.sampled_from(["image/jpeg", "text/plain", "application/smil", "x/y", ""]))
def test_no_name_ever_leaves_its_folder(name: str, content_type: str) -> None:
    safe = safe_name(name, content_type)
    assert safe == safe_name(safe, content_type)
    assert 0 < len(safe) <= LONGEST
    assert not safe.startswith(".")
    assert all(c.isalnum() or c in "._-" for c in safe)
    assert unicodedata.normalize("NFC", safe) == safe


def test_double_names_are_told_apart_whatever_their_case() -> None:
    names = ("a.jpg", "A.jpg", "a.jpg", "a-2.jpg", "b", "b")
    assert distinct(names) == ("a.jpg", "A-2.jpg", "a-3.jpg", "a-2-2.jpg", "b", "b-2")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/m/1/IMG%200042.jpg?x=1/2#y", "IMG%200042.jpg"),
        ("https://h", ""),
        ("https://h/", ""),
        ("https://[broken", ""),
    ],
)
def test_a_links_last_element_is_its_name(url: str, name: str) -> None:
    assert name_in(url) == name


def test_a_part_is_offered_for_saving_and_its_name_breaks_no_header() -> None:
    assert attachment("a.jpg") == 'attachment; filename="a.jpg"'
    assert attachment('a"\r\nX: 1\u20ac.jpg') == (
        "attachment; filename=\"a___X: 1_.jpg\"; filename*=UTF-8''a%22%0D%0AX%3A%201%E2%82%AC.jpg"
    )
