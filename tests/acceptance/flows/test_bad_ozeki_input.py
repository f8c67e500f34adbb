"""Bad input to the Ozeki API: an error in its own words, nothing stored, nothing sent."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.acceptance.flows.http_client import basic, request
from tests.acceptance.flows.test_ozeki import reports
from tests.acceptance.flows.world import STRICT, World

GOOD = {"recipient": "+12025550101", "messagetype": "SMS:TEXT", "messagedata": "Hi"}


@pytest.fixture(scope="module", autouse=True)
def _nothing_came_of_it(whole_world: World) -> Iterator[None]:
    """At the end, send one good message of the account: it must be its only new one, here and at the carrier."""
    world = whole_world
    known = {message["id"] for message in world.strict.list(limit="200")["data"]}
    sent = {entry["tag"] for entry in world.main.creates(sender=STRICT)}
    yield
    (report,) = reports(world.strict.classic(**GOOD))
    only = report["messageid"]
    world.strict.until(only, "delivered")
    assert {message["id"] for message in world.strict.list(limit="200")["data"]} - known == {only}
    assert {entry["tag"] for entry in world.main.creates(sender=STRICT)} - sent == {f"{only}.1"}


def mms(inner: str) -> str:
    """Return an MMS document."""
    return f"<MMS>{inner}</MMS>"


BOMB = '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><MMS><messagetext>&b;</messagetext></MMS>'
OUTSIDE = '<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd">]><MMS><messagetext>&a;</messagetext></MMS>'

CLASSIC: list[tuple[str, dict[str, str], str, str]] = [
    ("no recipient", {"recipient": ""}, "101", "recipient"),
    ("no text", {"messagedata": ""}, "101", "messagedata"),
    ("blank text", {"messagedata": "  "}, "104", ""),
    ("letters", {"recipient": "mother"}, "102", "mother"),
    ("full-width digits", {"recipient": "+１２０２５５５０１０１"}, "102", ""),  # noqa: RUF001
    ("arabic digits", {"recipient": "+١٢٠٢٥٥٥٠١٠١"}, "102", ""),
    ("a newline at the end", {"recipient": "+12025550101\n"}, "102", ""),
    ("a NUL in the number", {"recipient": "+1202555\0101"}, "102", ""),
    ("a long number", {"recipient": "1" * 500}, "102", ""),
    ("a NUL in the text", {"messagedata": "a\0b"}, "104", ""),
    ("much text", {"messagedata": "x" * 5000}, "104", ""),
    ("an unknown type", {"messagetype": "SMS:WAPPUSH"}, "103", "SMS:WAPPUSH"),
    ("binary", {"messagetype": "SMS:BINARY"}, "103", "SMS:BINARY"),
    ("an unknown action", {"action": "launch"}, "106", "launch"),
    ("no action", {"action": ""}, "106", ""),
    ("somebody else's sender", {"originator": "+12025550150"}, "113", ""),
    ("a sender that is none", {"originator": "a\nb"}, "114", "originator"),
    ("a priority that there is not", {"priority": "urgent"}, "114", "priority"),
    ("an unknown connection", {"serviceprovider": "GSMModem1"}, "110", "GSMModem1"),
    ("a validity that is over", {"vp": "2020.01.01. 00:00:00"}, "109", ""),
    ("a validity that is none", {"vp": "soon"}, "114", "vp"),
    ("a time that is none", {"timetosend": "2026-02-30 12:00:00"}, "114", "timetosend"),
    ("tags that are none", {"tags": "{"}, "114", "tags"),
    ("a count that is none", {"messagecount": "x"}, "101", "messagecount"),
    ("a count of none", {"messagecount": "0"}, "101", "messagecount"),
    ("a count too large", {"messagecount": "999999"}, "111", ""),
    ("an unknown charset", {"_charset_": "klingon"}, "114", "_charset_"),
    ("no XML", {"messagetype": "MMS:XML", "messagedata": "Hi"}, "104", ""),
    ("half XML", {"messagetype": "MMS:XML", "messagedata": "<MMS><messagetext>Hi"}, "104", ""),
    ("an empty MMS", {"messagetype": "MMS:XML", "messagedata": "<MMS/>"}, "104", ""),
    ("another root", {"messagetype": "MMS:XML", "messagedata": "<SMS>Hi</SMS>"}, "104", ""),
    ("entities", {"messagetype": "MMS:XML", "messagedata": BOMB}, "104", ""),
    ("an outside entity", {"messagetype": "MMS:XML", "messagedata": OUTSIDE}, "104", ""),
    ("deep XML", {"messagetype": "MMS:XML", "messagedata": "<MMS>" + "<a>" * 9000}, "104", ""),
]


@pytest.mark.parametrize(
    ("changes", "code", "named"), [row[1:] for row in CLASSIC], ids=[row[0] for row in CLASSIC]
)
def test_a_classic_request_that_cannot_be_used_is_refused_by_number(
    world: World, changes: dict[str, str], code: str, named: str
) -> None:
    parameters = {name: value for name, value in {**GOOD, **changes}.items() if value}
    if changes.get("action") == "":
        parameters["action"] = ""
    answer = world.strict.classic(**parameters)
    for report in reports(answer):
        assert (report["statuscode"], report["messageid"]) == (code, "")
        assert named in report["statusmessage"]


def test_a_megabyte_of_classic_text_is_refused(world: World) -> None:
    body = f"action=sendmessage&recipient=%2B12025550101&messagedata={'x' * 1_000_000}"
    login = f"&username=strict&password={quote(world.strict.password)}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = request(f"{world.ingress}/api", "POST", body=(body + login).encode(), headers=headers)
    assert [report["statuscode"] for report in reports(answer)] == ["104"]


@pytest.mark.parametrize("raw", ["%ff%fe", "%ed%a0%80", "%00"])
def test_bytes_that_are_no_text_are_refused(world: World, raw: str) -> None:
    login = f"username=strict&password={quote(world.strict.password)}"
    url = f"{world.ingress}/api?{login}&action=sendmessage&recipient=%2B12025550101&messagedata={raw}"
    answer = request(url)
    assert answer.status in (200, 400)
    assert "0" not in [report["statuscode"] for report in reports(answer)]


def test_a_line_that_is_too_long_is_refused_and_leaves_no_trace_of_its_content(world: World) -> None:
    answer = world.strict.classic(recipient="+12025550101", messagedata="long " * 20_000)
    assert [report["statuscode"] for report in reports(answer)] == ["104"]
    logged = (world.data / "logs" / "ingress.log").read_text()
    assert "12025550101" not in logged
    assert world.strict.password.replace(" ", "+") not in logged


def body_of(**changes: Any) -> dict[str, Any]:
    """Return a good body of form C with changes; one that is None is left out."""
    values = {"action": "sendmessage", **GOOD, **changes}
    return {name: value for name, value in values.items() if value is not None}


def attached(**file: Any) -> dict[str, Any]:
    """Return a body with an attachment."""
    return body_of(messagetype="MMS", messagedata={"messagetext": "Hi"}, attachments=[file])


JSON: list[tuple[str, Any, int]] = [
    ("no recipient", body_of(recipient=None), 400),
    ("a recipient that is a number", body_of(recipient=12025550101), 400),
    ("recipients that are numbers", body_of(recipient=[12025550101]), 400),
    ("letters", body_of(recipient="mother"), 400),
    ("full-width digits", body_of(recipient="+１２０２５５５０１０１"), 400),  # noqa: RUF001
    ("a newline at the end", body_of(recipient="+12025550101\n"), 400),
    ("a newline in a list", body_of(recipient=["+12025550101\n"]), 400),
    ("a NUL in the text", body_of(messagedata="a\0b"), 400),
    ("no text", body_of(messagedata=None), 400),
    ("text of another type", body_of(messagedata=7), 400),
    ("text in an object of another type", body_of(messagedata={"messagetext": ["Hi"]}), 400),
    ("much text", body_of(messagedata="x" * 3000), 400),
    ("a megabyte of text", body_of(messagedata="x" * 1_000_000), 400),
    ("an unknown type", body_of(messagetype="SMS:BINARY"), 400),
    ("a type of another type", body_of(messagetype=7), 400),
    ("an unknown action", body_of(action="launch"), 400),
    ("no action", body_of(action=None), 400),
    ("an action of another type", body_of(action=["sendmessage"]), 400),
    ("a priority that there is not", body_of(priority="urgent"), 400),
    ("tags that are none", body_of(tags="x"), 400),
    ("an attachment without a file", attached(contenttype="image/jpeg"), 400),
    ("an attachment that is no Base64", attached(name="a.jpg", contenttype="image/jpeg", content="%%%"), 400),
    ("an attachment of nothing", attached(name="a.jpg", contenttype="image/jpeg", content=""), 400),
    (
        "an attachment of a forbidden type",
        attached(name="a.jpg", contenttype="image/jpeg", content=base64.b64encode(b"<html></html>").decode()),
        400,
    ),
    ("a URL that leads inside", attached(url="http://127.0.0.1/a.jpg"), 400),
    ("a file of the machine", attached(filename="/etc/passwd"), 400),
    ("a file that is a number", attached(filename=7), 400),
    ("no messages", {"messages": []}, 400),
    ("messages that are none", {"messages": "x"}, 400),
]


@pytest.mark.parametrize(("body", "status"), [row[1:] for row in JSON], ids=[row[0] for row in JSON])
def test_a_json_body_that_cannot_be_used_is_refused(world: World, body: Any, status: int) -> None:
    answer = world.strict.ozeki(body)
    said = answer.json()
    assert (answer.status, said["http_code"]) == (status, status), said
    assert said["response_code"] in ("BAD_REQUEST", "UNKNOWN_ACTION")
    assert said["response_msg"]
    assert said["data"]["success_count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"action": "sendmessage", "recipient": "+12025550101", "messagedata": "\xff"}',
        b'{"action": "sendmessage", "recipient": "+12025550101", "messagedata": "\\ud800"}',
        b'{"action": "sendmessage", "recipient": "+12025550101", "messagedata": ' + b"[" * 50_000,
        b'{"a":' * 400 + b"1" + b"}" * 400,
    ],
)
def test_a_json_body_that_cannot_be_read_is_refused(world: World, body: bytes) -> None:
    answer = world.strict.ozeki(body)
    assert (answer.status, answer.json()["http_code"]) == (400, 400)


def test_wrong_credentials_are_refused_in_the_form_of_the_call(world: World) -> None:
    classic = world.strict.classic(**GOOD, password="wrong")
    (report,) = reports(classic)
    assert (report["statuscode"], report["statusmessage"]) == ("100", "Authentication failed")
    (missing,) = reports(request(f"{world.ingress}/api?action=sendmessage"))
    assert missing["statuscode"] == "100"
    for headers in (basic("strict", "wrong"), basic("nobody", "x"), {"Authorization": ""}):
        answer = world.strict.ozeki(body_of(), **headers)
        assert (answer.status, answer.json()["response_code"]) == (401, "AUTH_FAILED")


def test_one_bad_message_of_a_library_call_is_told_by_itself(world: World) -> None:
    messages = [{"to_address": "abc", "text": "Hi"}, {"text": "Hi"}, "x", {"to_address": "+12025550101"}]
    url = f"{world.ingress}/api?action=sendmsg"
    headers = {**world.strict.basic, "Content-Type": "application/json"}
    answer = request(url, "POST", body=json.dumps({"messages": messages}).encode(), headers=headers)
    said = answer.json()
    assert (answer.status, said["data"]["total_count"], said["data"]["success_count"]) == (200, 4, 0)
    assert said["data"]["messages"][0]["status"] == "Invalid recipient: abc"
    assert "SUCCESS" not in [message["status"] for message in said["data"]["messages"]]
