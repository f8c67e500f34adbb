"""Answers written in one piece."""

import pytest

from broker.domain.wire import Response
from broker.ingress.swift import Swift


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\r\n"])
def test_no_header_can_begin_another(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        Swift(Response(status=202, headers={"Location": value}))


def test_a_connection_that_is_to_be_closed_is_not_kept() -> None:
    answer = Swift(Response(status=202))
    assert answer.keep_alive
    answer.force_close()
    assert not answer.keep_alive
