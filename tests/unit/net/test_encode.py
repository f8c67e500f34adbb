"""A request as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.wire import Request
from broker.errors import Rejected
from broker.net.encode import USER_AGENT, aim, head


def written(request: Request) -> bytes:
    return head(request, aim(request))


def test_a_post_is_written_in_full() -> None:
    request = Request(method="POST", url="http://h.example:81/p?q", headers={"X-A": "b"}, body=b"12")
    assert written(request) == (
        b"POST /p?q HTTP/1.1\r\nHost: h.example:81\r\nUser-Agent: %s\r\nAccept-Encoding: identity\r\n"
        b"Content-Length: 2\r\nX-A: b\r\n\r\n" % USER_AGENT.encode()
    )


def test_a_get_says_no_length() -> None:
    assert b"Content-Length" not in written(Request(method="GET", url="http://h.example/"))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_empty_body_that_could_be_one_says_so(method: str) -> None:
    assert b"Content-Length: 0\r\n" in written(Request(method=method, url="http://h.example/"))


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "G T"])
def test_a_method_must_be_a_word(method: str) -> None:
    with pytest.raises(Rejected):
        written(Request(method=method, url="http://h.example/"))


def test_the_same_header_twice_is_refused() -> None:
    with pytest.raises(Rejected):
        written(Request(method="GET", url="http://h.example/", headers={"X-A": "1", "x-a": "2"}))


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12), max_size=4))
def test_no_header_can_change_the_shape_of_a_request(headers: dict[str, str]) -> None:
    try:
        data = written(Request(method="GET", url="http://h.example/", headers=headers))
    except Rejected:
        return
    lines = data.decode("latin-1").split("\r\n")
    names = [line.partition(":")[0] for line in lines[1:-2]]
    assert lines[-2:] == ["", ""]
    assert set(names) - {"Host", "User-Agent", "Accept-Encoding"} <= set(headers)
    assert len(names) <= len(headers) + 3
