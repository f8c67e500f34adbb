"""Properties files are read and written as Java does it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.dialects.mxtelecom.properties import read, write

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (b"cat.jpg=image/jpeg", {"cat.jpg": "image/jpeg"}),
        (b"cat.jpg = image/jpeg\r\n", {"cat.jpg": "image/jpeg"}),
        (b"cat.jpg:image/jpeg\r", {"cat.jpg": "image/jpeg"}),
        (b"cat.jpg image/jpeg\n", {"cat.jpg": "image/jpeg"}),
        (b"cat.jpg\t:\x0c image/jpeg\n", {"cat.jpg": "image/jpeg"}),
        (b"# order matters\n  ! really\n\n \t\na=1", {"a": "1"}),
        (b"# no line goes on from here \\\na=1", {"a": "1"}),
        (b"a=im\\\n   age/\\\r\n\tjpeg", {"a": "image/jpeg"}),
        (b"a=1\\\n# no comment", {"a": "1# no comment"}),
        (b"a=two\\\\\nb=2", {"a": "two\\", "b": "2"}),
        (b"a=1\\", {"a": "1"}),
        (b"a\\ cat.jpg=1", {"a cat.jpg": "1"}),
        (b"a\\=b\\:c=d=e:f", {"a=b:c": "d=e:f"}),
        (b"\\#a=1", {"#a": "1"}),
        (b'a=\\t\\n\\r\\f\\q\\"', {"a": '\t\n\r\fq"'}),
        (b"caf\\u00e9.jpg=\\u0041", {"caf\u00e9.jpg": "A"}),
        (b"\\uD83D\\uDE00=1", {"\U0001f600": "1"}),
        (b"\\\\u0041=1", {"\\u0041": "1"}),
        (b"caf\xe9.jpg=1", {"caf\u00e9.jpg": "1"}),
        (b"caf\xc3\xa9.jpg=1", {"caf\u00e9.jpg": "1"}),
        (b"\xef\xbb\xbfa=1", {"a": "1"}),
        (b"a=1 ", {"a": "1 "}),
        (b"a", {"a": ""}),
        (b"a=", {"a": ""}),
        (b"=1", {"": "1"}),
        (b"a==1", {"a": "=1"}),
        (b"", {}),
    ],
)
def test_a_file_is_read_by_the_book(written: bytes, found: dict[str, str]) -> None:
    assert read(written) == found


def test_the_order_is_that_of_the_first_mention_and_the_last_value_holds() -> None:
    found = read(b"b=1\na=2\nb=3")
    assert list(found.items()) == [("b", "3"), ("a", "2")]


@pytest.mark.parametrize("written", [b"a=\\u12", b"\\uZZZZ=1", b"a=\\uD83D", b"\\uDE00=1"])
def test_a_broken_escape_is_an_error(written: bytes) -> None:
    with pytest.raises(ValueError, match=r"four|surrogate|truncated|decode"):
        read(written)


@given(st.dictionaries(TEXT, TEXT, max_size=8))
def test_what_is_written_is_read_again(pairs: dict[str, str]) -> None:
    assert list(read(write(pairs.items())).items()) == list(pairs.items())


@given(st.dictionaries(TEXT, TEXT, max_size=8))
def test_what_is_written_is_ascii_with_one_line_for_each_pair(pairs: dict[str, str]) -> None:
    written = write(pairs.items())
    assert written.isascii()
    assert written.count(b"\n") == len(pairs)


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except ValueError:
        return
    for key, value in found.items():
        (key + value).encode("utf-8")
