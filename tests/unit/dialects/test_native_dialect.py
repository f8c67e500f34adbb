"""Signing in to the native API, and its limits."""

import base64

import orjson
import pytest

from broker.dialects.base import Credentials
from broker.dialects.native.body import JSON_LIMIT
from broker.dialects.native.dialect import NativeDialect
from broker.domain.wire import Call
from broker.errors import ContentTooLarge, InvalidRecipient

NATIVE = NativeDialect(max_recipients=3)


def call(body: object, **headers: str) -> Call:
    return Call(method="POST", path="/v1/messages", headers=headers, body=orjson.dumps(body))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer key-1", Credentials(api_key="key-1")),
        ("bearer key-1 ", Credentials(api_key="key-1")),
        (basic("u:p:q"), Credentials(user="u", password="p:q")),
        (basic("ü:ö"), Credentials(user="ü", password="ö")),
        ("Bearer", Credentials()),
        ("Bearer \udcff", Credentials()),
        ("Basic %%%", Credentials()),
        (basic("no colon"), Credentials()),
        (basic("a\0b:p"), Credentials()),
        ("Digest x", Credentials()),
        ("", Credentials()),
    ],
)
def test_credentials(header: str, expected: Credentials) -> None:
    assert NATIVE.credentials(call({}, authorization=header)) == expected


def test_the_settings_may_allow_fewer_recipients() -> None:
    with pytest.raises(InvalidRecipient):
        NATIVE.parse(call({"to": ["1", "2", "3", "4"], "text": "Hi"}))


def test_a_body_beyond_all_sense_is_not_read() -> None:
    with pytest.raises(ContentTooLarge) as refusal:
        NATIVE.parse(call({"to": "+12025550101", "text": "x" * JSON_LIMIT}))
    assert refusal.value.pointer == ""


def test_a_megabyte_of_text_is_blamed_on_the_text() -> None:
    with pytest.raises(ContentTooLarge) as refusal:
        NATIVE.parse(call({"to": "+12025550101", "text": "x" * 1024 * 1024}))
    assert refusal.value.pointer == "/text"
