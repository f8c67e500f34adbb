"""The GSM alphabet, against the codec of others."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.gsm import decode

THEIRS = gsm0338.Codec()
EXTENDED = b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65"
SIGNS = [bytes([septet]) for septet in range(128) if septet != 0x1B] + [
    bytes([0x1B, septet]) for septet in EXTENDED
]


@given(st.lists(st.sampled_from(SIGNS), max_size=40).map(b"".join))
def test_septets_read_as_others_read_them(data: bytes) -> None:
    assert decode(data) == THEIRS.decode(data)[0]


@pytest.mark.parametrize("data", [b"\x80", b"a\xff", b"\x1b", b"a\x1b", b"\x1b\x1b", b"\x1ba"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"septet|escape"):
        decode(data)
