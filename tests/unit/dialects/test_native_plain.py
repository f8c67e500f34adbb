"""The fast path of native sends means nothing else than the slow one."""

import json
from datetime import UTC, datetime

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broker.dialects.native.sending import read, read_plain
from broker.errors import RequestError

NOW = datetime(2026, 1, 17, 13, 10, 25, tzinfo=UTC)
STRINGS = st.one_of(
    st.text(max_size=70),
    st.sampled_from(["+12025550101", "", " ", "\n", "a\0", "to", "text", "x" * 2048, "x" * 2049]),
)
VALUES = st.one_of(STRINGS, st.none(), st.integers(), st.booleans(), st.lists(STRINGS, max_size=2))
NAMES = st.sampled_from(["to", "from", "text", "reference", "subject", "TO", ""])
BODIES = st.builds(
    lambda value, spaced, plain: json.dumps(value, indent=1 if spaced else None, ensure_ascii=plain).encode(),
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.booleans(),
    st.booleans(),
)
KEYS = st.sampled_from([None, "key-1"])


@given(body=BODIES, key=KEYS)
@example(body=b'{"to":"+12025550101","text":"Hi"}', key="k")
@example(body=b'{"to":"+12025550101","text":"Hi","reference":"r","from":"+12025550150"}', key=None)
@settings(max_examples=400, deadline=None)
def test_the_fast_path_agrees_with_the_slow_one(body: bytes, key: str | None) -> None:
    fast = read_plain(body, key)
    if fast is not None:
        assert fast == read(body, key, NOW, 1000)


def test_the_usual_request_takes_the_fast_path() -> None:
    body = orjson.dumps({"to": "+12025550101", "from": "+12025550150", "text": "Hi", "reference": "7"})
    assert read_plain(body, "key") is not None


def test_a_name_that_occurs_twice_takes_the_slow_path() -> None:
    assert read_plain(b'{"to":"+12025550101","text":"Hi","to":"+12025550102"}', None) is None


def test_a_name_in_disguise_takes_the_slow_path() -> None:
    assert read_plain(b'{"to":"+12025550101","text":"Hi","\\u0074o":"+12025550102"}', None) is None


def test_the_order_of_names_does_not_change_the_fingerprint() -> None:
    one = read(b'{"to":"+12025550101","text":"\\u0041"}', "k", NOW, 1000)
    other = read(b'{ "text": "A", "to": "+12025550101" }', "k", NOW, 1000)
    assert one.digest == other.digest


@given(body=st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_rubbish_is_refused_and_nothing_else(body: bytes) -> None:
    assert read_plain(body, None) is None
    try:
        read(body, None, NOW, 1000)
    except RequestError:
        return
    raise AssertionError(body)
