"""Segments, against the published tables."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.text import EACH, SINGLE, Alphabet, cut, outside, segments, straighten

EURO, YA, GRIN = "\u20ac", "\u044f", "\U0001f600"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "alphabet", "length", "parts"),
    [
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        (EURO * 80, "gsm7", 160, 1),
        (EURO * 81, "gsm7", 162, 2),
        ("a" * 159 + "[", "gsm7", 161, 2),
        ("a" * 152 + EURO + "a" * 152, "gsm7", 306, 3),
        (YA * 70, "ucs2", 70, 1),
        (YA * 71, "ucs2", 71, 2),
        (YA * 134, "ucs2", 134, 2),
        (YA * 135, "ucs2", 135, 3),
        (GRIN * 35, "ucs2", 70, 1),
        (GRIN * 36, "ucs2", 72, 2),
        (GRIN * 66, "ucs2", 132, 2),
        (GRIN * 67, "ucs2", 134, 3),
        ("\u00c7", "gsm7", 1, 1),
        ("\u00e7", "ucs2", 1, 1),
        ("`", "ucs2", 1, 1),
        (FAMILY, "ucs2", 8, 1),
        ("", "gsm7", 0, 1),
    ],
)
def test_a_text_is_counted_as_published(text: str, alphabet: str, length: int, parts: int) -> None:
    counted = segments(text)
    assert (counted.alphabet, counted.length, counted.parts) == (alphabet, length, parts)


def test_the_alphabet_is_the_published_one() -> None:
    codec = gsm0338.Codec()

    def published(character: str) -> int:
        try:
            return len(codec.encode(character)[0])
        except UnicodeError:
            return 0

    def ours(character: str) -> int:
        counted = segments(character)
        return counted.length if counted.alphabet is Alphabet.GSM7 else 0

    differing = {c for c in map(chr, range(0x3000)) if ours(c) != published(c)}
    # The Unicode file has the small letter where 3GPP has the capital; the escape is no character.
    assert differing <= {"\u00c7", "\u00e7", "\x1b"}


@given(st.text(max_size=700))
def test_segments_are_neither_too_few_nor_wasteful(text: str) -> None:
    counted = segments(text)
    if counted.length <= SINGLE[counted.alphabet]:
        assert counted.parts == 1
    else:
        each = EACH[counted.alphabet]
        assert counted.length / each <= counted.parts <= -(-counted.length // (each - 1))


def test_half_an_emoji_is_counted_and_not_choked_on() -> None:
    assert segments("\ud83d").length == 1


def test_typography_is_made_plain_on_request() -> None:
    assert straighten("\u201cIt\u2019s\u00a0on\u201d \u2013 maybe\u2026") == '"It\'s on" - maybe...'


@pytest.mark.parametrize("marks", ["", "..."])
@given(
    start=st.text(st.sampled_from("ab" + EURO + YA + GRIN + "["), min_size=1, max_size=20),
    times=st.integers(1, 90),
)
def test_a_text_is_cut_into_pieces_that_fit_and_loses_nothing(marks: str, start: str, times: int) -> None:
    text = start * times
    pieces = cut(text, marks=marks)
    whole = segments(text).alphabet
    for piece in pieces:
        assert segments(piece).length <= SINGLE[whole]
    bare = [
        piece.removeprefix(marks if number else "").removesuffix(marks if number < len(pieces) - 1 else "")
        for number, piece in enumerate(pieces)
    ]
    assert "".join(bare) == text
    assert len(pieces) == 1 or all(bare)


def test_a_text_that_fits_is_one_piece_without_marks() -> None:
    assert cut("a" * 160, marks="...") == ("a" * 160,)


def test_as_much_as_fits_is_in_each_piece() -> None:
    assert [len(piece) for piece in cut("a" * 400)] == [160, 160, 80]
    assert [len(piece) for piece in cut(YA * 150)] == [70, 70, 10]


def test_the_characters_outside_gsm_are_named_once_each_in_their_order() -> None:
    assert outside("It\u2019s €5 \u2013 it\u2019s {ok} 🎉") == ("\u2019", "\u2013", "🎉")
    assert outside("plain ^ text\n") == ()
