"""Signing in to the Ozeki API, repeats, and what its forms have in common."""

import base64
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from broker.dialects.base import Credentials
from broker.dialects.ozeki.dialect import OzekiDialect
from broker.domain.draft import Draft
from broker.domain.message import Priority
from broker.domain.value import replace
from broker.domain.wire import Call
from broker.errors import RequestError

NOW = datetime(2026, 1, 17, 13, 10, 25, tzinfo=UTC)
OZEKI = OzekiDialect(clock=lambda: NOW, max_recipients=5)
BASIC = "Basic " + base64.b64encode(b"u1:p1").decode()


def post(body: Any, *query: tuple[str, str], **headers: str) -> Call:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Call(method="POST", path="/api", query=query, headers=headers, body=raw)


def draft(call: Call) -> Draft:
    (found,) = OZEKI.parse(call)
    assert isinstance(found, Draft)
    return found


def library(**message: Any) -> Call:
    return post(
        {"messages": [{"to_address": "+15550001111", "text": "Hi", **message}]}, ("action", "sendmsg")
    )


U1 = Credentials(user="u1", password="p1")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call(method="GET", path="/api", query=(("USERNAME", "u1"), ("password", "p1"))), U1),
        (Call(method="POST", path="/api", form=(("username", "u1"), ("Password", "p1"))), U1),
        (Call(method="GET", path="/api", headers={"authorization": BASIC}), U1),
        (post({"Username": "u1", "password": "p1"}), U1),
        (post({}, ("username", "u1"), ("password", "p1"), authorization="Basic eDp5"), U1),
        (post({"username": 5, "password": []}), Credentials()),
        (post(b"{"), Credentials()),
        (post(b"[]"), Credentials()),
        (Call(method="GET", path="/api", query=(("username", "u\0"), ("password", "p"))), Credentials()),
        (Call(method="GET", path="/api", query=(("username", "u1"),)), Credentials()),
    ],
)
def test_credentials(call: Call, expected: Credentials) -> None:
    assert OZEKI.credentials(call) == expected


def test_a_repeat_by_the_vendors_client_has_the_same_fingerprint() -> None:
    first = draft(
        library(message_id="m-1", create_date="2026-01-17 13:10:25", valid_until="2026-01-24 13:10:25")
    )
    again = draft(
        library(message_id="m-1", create_date="2026-01-17 13:11:00", valid_until="2026-01-24 13:11:00")
    )
    assert (first.key, first.digest) == (again.key, again.digest)


def test_another_text_under_the_same_id_has_another_fingerprint() -> None:
    assert draft(library(message_id="m-1")).digest != draft(library(message_id="m-1", text="Ho")).digest


def test_the_first_two_forms_of_a_json_body_differ_in_nothing_but_priority() -> None:
    document = (
        "<MMS><messagetext>Hi</messagetext><priority>high</priority><attachments><attachment>"
        r"<filename>C:\media\cat.jpg</filename></attachment></attachments></MMS>"
    )
    fields = {"messagetext": "Hi", "attachments": [{"attachment": {"filename": r"C:\media\cat.jpg"}}]}
    common = {"action": "sendmessage", "recipient": "+15550001111"}
    first = draft(post({**common, "messagetype": "MMS:XML", "messagedata": document}))
    second = draft(post({**common, "messagetype": "MMS", "messagedata": {**fields, "priority": "normal"}}))
    assert first.priority is Priority.HIGH
    assert replace(first, priority=Priority.NORMAL) == second


def test_too_many_recipients_are_refused_before_any_is_read() -> None:
    with pytest.raises(RequestError, match="more than 5"):
        OZEKI.parse(post({"action": "sendmessage", "recipient": ["x"] * 6, "messagedata": "Hi"}))


def test_a_thousand_indexed_messages_are_read() -> None:
    names = (("recipient", "+15550001111"), ("messagedata", "Hi"), ("originator", "+15550009999"))
    pairs = tuple((f"{name}{number}", value) for number in range(1000) for name, value in names)
    call = Call(
        method="POST", path="/api", form=(("action", "sendmessage"), ("messagecount", "1000"), *pairs)
    )
    assert len(OzekiDialect(clock=lambda: NOW).parse(call)) == 1000


def test_a_text_in_bytes_of_another_charset_needs_its_name() -> None:
    query = (("action", "sendmessage"), ("recipient", "+15550001111"), ("messagedata", "h\udce9"))
    call = Call(method="GET", path="/api", query=query)
    (without,) = OZEKI.parse(call)
    assert isinstance(without, RequestError)
    assert draft(replace(call, query=(*query, ("_charset_", "windows-1252")), seen={})).text == "hé"
