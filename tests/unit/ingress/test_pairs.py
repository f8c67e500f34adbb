"""Queries and forms are read as the standard library reads them."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.dialects.base import MOST_FIELDS
from broker.errors import Malformed
from broker.ingress.calls import _pairs

PIECES = st.text(alphabet=st.sampled_from("ab&=+%2Bé0cF;/ \udcff"), max_size=40)


@given(PIECES)
def test_names_and_values_are_those_of_the_standard_library(text: str) -> None:
    assert _pairs(text) == tuple(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=%2B1+2&b", (("a", "+1 2"), ("b", ""))),
        ("a=%C3%A9&a=%E9&=x&&", (("a", "é"), ("a", "\udce9"), ("", "x"))),
        ("a=%zz%4&b=1=2", (("a", "%zz%4"), ("b", "1=2"))),
    ],
)
def test_what_is_no_utf8_stays_recognisable(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert _pairs(text) == pairs


def test_too_many_fields_are_refused() -> None:
    assert len(_pairs("&".join(["a=1"] * MOST_FIELDS))) == MOST_FIELDS
    with pytest.raises(Malformed):
        _pairs("&".join(["a=1"] * (MOST_FIELDS + 1)))
