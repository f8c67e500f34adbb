"""Bad input to the native API: a 4xx that names the field, nothing stored, nothing sent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.flows.http_client import File, request
from tests.acceptance.flows.world import MAIN, STRICT, World

GOOD = {"to": "+12025550101", "text": "Hi"}
LINK = "https://media.example.com/a.jpg"


@pytest.fixture(scope="module", autouse=True)
def _nothing_came_of_it(whole_world: World) -> Iterator[None]:
    """At the end, send one good message of the account: it must be its only one, here and at the carrier."""
    world = whole_world
    known = {message["id"] for message in world.strict.list(limit="200")["data"]}
    sent = {entry["tag"] for entry in world.main.creates(sender=STRICT)}
    yield
    only = world.strict.send("+12025550101", "The only good one")
    world.strict.until(only, "delivered")
    assert {message["id"] for message in world.strict.list(limit="200")["data"]} - known == {only}
    assert {entry["tag"] for entry in world.main.creates(sender=STRICT)} - sent == {f"{only}.1"}


def nested(depth: int) -> bytes:
    """Return JSON that is deep."""
    return b'{"to": "+12025550101", "text": ' + b"[" * depth + b"]" * depth + b"}"


FIELDS: list[tuple[str, Any, str]] = [
    ("no recipient", {"text": "Hi"}, "/to"),
    ("an empty recipient", {**GOOD, "to": ""}, "/to"),
    ("no recipients", {**GOOD, "to": []}, "/to"),
    ("a number as a number", {**GOOD, "to": 12025550101}, "/to"),
    ("an object for a recipient", {**GOOD, "to": {"number": "+12025550101"}}, "/to"),
    ("null for a recipient", {**GOOD, "to": None}, "/to"),
    ("a number in a list of numbers", {**GOOD, "to": ["+12025550101", 7]}, "/to/1"),
    ("full-width digits", {**GOOD, "to": "+１２０２５５５０１０１"}, "/to"),  # noqa: RUF001
    ("arabic digits", {**GOOD, "to": "+١٢٠٢٥٥٥٠١٠١"}, "/to"),
    ("a newline at the end", {**GOOD, "to": "+12025550101\n"}, "/to"),
    ("a newline in a list", {**GOOD, "to": ["+12025550101\n"]}, "/to/0"),
    ("letters", {**GOOD, "to": "+1202555CALL"}, "/to"),
    ("a word", {**GOOD, "to": "mother"}, "/to"),
    ("too few digits", {**GOOD, "to": "+1202"}, "/to"),
    ("too many digits", {**GOOD, "to": "+1202555010112345678"}, "/to"),
    ("a long number", {**GOOD, "to": "+" + "1" * 1000}, "/to"),
    ("a NUL in the number", {**GOOD, "to": "+1202555\0101"}, "/to"),
    ("two numbers in one", {**GOOD, "to": "+12025550101,+12025550102"}, "/to"),
    ("the same number twice", {**GOOD, "to": ["+12025550101", "+12025550101"]}, "/to/1"),
    ("the same number twice, spelled otherwise", {**GOOD, "to": ["+12025550101", "(202) 555-0101"]}, "/to/1"),
    ("more than a thousand", {**GOOD, "to": [f"+1202666{n:04}" for n in range(1001)]}, "/to"),
    ("somebody else's sender", {**GOOD, "from": MAIN}, "/from"),
    ("a sender of nobody", {**GOOD, "from": "+12025559999"}, "/from"),
    ("a sender that is no number", {**GOOD, "from": "+1\n"}, "/from"),
    ("a sender of another type", {**GOOD, "from": 7}, "/from"),
    ("neither text nor media", {"to": GOOD["to"]}, "/text"),
    ("blank text", {**GOOD, "text": " \t\n"}, "/text"),
    ("no text and no media in a list", {"to": GOOD["to"], "media": []}, "/text"),
    ("text of another type", {**GOOD, "text": ["Hi"]}, "/text"),
    ("text that is null", {**GOOD, "text": None}, "/text"),
    ("a NUL in the text", {**GOOD, "text": "Hi\0there"}, "/text"),
    ("a megabyte of text", {**GOOD, "text": "x" * 1_000_000}, "/text"),
    ("text one over the limit", {**GOOD, "text": "x" * 2049}, "/text"),
    ("a control in the subject", {**GOOD, "subject": "a\nb"}, "/subject"),
    ("a long subject", {**GOOD, "subject": "x" * 256}, "/subject"),
    ("media that is no list", {**GOOD, "media": LINK}, "/media"),
    ("media as a string", {**GOOD, "media": [LINK]}, "/media/0"),
    ("media without url or id", {**GOOD, "media": [{}]}, "/media/0/url"),
    ("media with both", {**GOOD, "media": [{"url": LINK, "id": "x"}]}, "/media/0/id"),
    ("media by another scheme", {**GOOD, "media": [{"url": "file:///etc/passwd"}]}, "/media/0/url"),
    ("media that is no URL", {**GOOD, "media": [{"url": "menu.jpg"}]}, "/media/0/url"),
    ("media with credentials", {**GOOD, "media": [{"url": "https://u:p@example.com/a"}]}, "/media/0/url"),
    ("a long URL", {**GOOD, "media": [{"url": f"https://example.com/{'a' * 3000}"}]}, "/media/0/url"),
    ("media at an odd port", {**GOOD, "media": [{"url": "http://example.com:22/a"}]}, "/media/0"),
    (
        "media that nobody left",
        {**GOOD, "media": [{"id": "0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b"}]},
        "/media/0",
    ),
    ("media by a path", {**GOOD, "media": [{"id": "../../secret.key"}]}, "/media/0"),
    ("eleven parts", {**GOOD, "media": [{"url": LINK}] * 11}, "/media"),
    ("a group of one", {**GOOD, "group": True}, "/group"),
    ("a group of eleven", {**GOOD, "to": [f"+1202666{n:04}" for n in range(11)], "group": True}, "/group"),
    ("a group that is a word", {**GOOD, "group": "yes"}, "/group"),
    ("a priority that there is not", {**GOOD, "priority": "urgent"}, "/priority"),
    ("a time without a zone", {**GOOD, "send_at": "2026-12-24T12:00:00"}, "/send_at"),
    ("a time that is none", {**GOOD, "send_at": "tomorrow"}, "/send_at"),
    ("a day that there is not", {**GOOD, "send_at": "2026-02-30T12:00:00Z"}, "/send_at"),
    ("a time as a number", {**GOOD, "send_at": 1795262400}, "/send_at"),
    ("a time too far ahead", {**GOOD, "send_at": "2126-12-24T12:00:00Z"}, "/send_at"),
    ("a validity that is over", {**GOOD, "valid_until": "2020-01-01T00:00:00Z"}, "/valid_until"),
    ("an empty reference", {**GOOD, "reference": ""}, "/reference"),
    ("a long reference", {**GOOD, "reference": "x" * 256}, "/reference"),
    ("a newline in the reference", {**GOOD, "reference": "a\n"}, "/reference"),
    ("tags in a list", {**GOOD, "tags": ["a"]}, "/tags"),
    ("a tag that is a number", {**GOOD, "tags": {"a": 1}}, "/tags/a"),
    ("many tags", {**GOOD, "tags": {f"t{n}": "x" for n in range(21)}}, "/tags"),
    ("an unknown field", {**GOOD, "colour": "red"}, "/colour"),
    ("an unknown field with a NUL", {**GOOD, "a\0b": 1}, "/a\0b"),
    ("a callback that leads inside", {**GOOD, "callback_url": "http://127.0.0.1/x"}, "/callback_url"),
]


@pytest.mark.parametrize(("body", "pointer"), [row[1:] for row in FIELDS], ids=[row[0] for row in FIELDS])
def test_a_field_that_cannot_be_used_is_named(world: World, body: Any, pointer: str) -> None:
    answer = world.strict.post(body)
    assert answer.status in (400, 422), answer.body[:300]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert all(error["code"] and error["message"] for error in problem["errors"])
    assert len(answer.body) < 16_000


BODIES: list[tuple[str, bytes, str]] = [
    ("nothing", b"", ""),
    ("no JSON", b"to=+12025550101&text=Hi", ""),
    ("half of it", b'{"to": "+12025550101", "text": "Hi"', ""),
    ("a trailing comma", b'{"to": "+12025550101", "text": "Hi",}', ""),
    ("two objects", b'{"to": "+12025550101", "text": "Hi"}{}', ""),
    ("a list", b"[]", ""),
    ("null", b"null", ""),
    ("a string", b'"+12025550101"', ""),
    ("broken UTF-8", b'{"to": "+12025550101", "text": "\xff\xfe"}', ""),
    ("a lone surrogate", b'{"to": "+12025550101", "text": "\\ud800"}', "/text"),
    (
        "a lone surrogate in a tag",
        b'{"to": "+12025550101", "text": "Hi", "tags": {"a": "\\udfff"}}',
        "/tags/a",
    ),
    ("a NUL, escaped", b'{"to": "+12025550101", "text": "a\\u0000b"}', "/text"),
    ("a bare control", b'{"to": "+12025550101", "text": "a\x01b"}', ""),
    ("not a number", b'{"to": "+12025550101", "text": NaN}', "/text"),
    ("a name twice", b'{"to": "+12025550101", "to": "+12025550102", "text": "Hi"}', "/to"),
    ("deep JSON", nested(100_000), ""),
    ("rather deep JSON", nested(500), "/text"),
    ("a huge number", b'{"to": "+12025550101", "text": 1' + b"0" * 5000 + b"}", ""),
    ("three megabytes", b'{"to": "+12025550101", "text": "' + b"x" * 3_000_000 + b'"}', ""),
]


@pytest.mark.parametrize(("body", "pointer"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_body_that_cannot_be_read_is_refused(world: World, body: bytes, pointer: str) -> None:
    answer = world.strict.post(body)
    assert 400 <= answer.status < 500, answer.body[:300]
    problem = answer.json()
    assert (problem["status"], bool(problem["detail"])) == (answer.status, True)
    if pointer:
        assert pointer in [error["pointer"] for error in problem["errors"]]
    assert len(answer.body) < 16_000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer key-of-strict2"},
        {"Authorization": "Bearer k\u00e9y"},
        {"Authorization": "Basic c3RyaWN0Ondyb25n"},
        {"Authorization": "Basic not-base64"},
        {"Authorization": "Digest username=strict"},
        {"Authorization": "key-of-strict"},
    ],
)
def test_unknown_credentials_are_refused(world: World, headers: dict[str, str]) -> None:
    body = json.dumps(GOOD).encode()
    answer = request(
        f"{world.ingress}/v1/messages",
        "POST",
        body=body,
        headers={"Content-Type": "application/json", **headers},
    )
    assert answer.status == 401
    assert answer.json()["code"] == "authentication_failed"
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b", '""', "k\u00e9y"])
def test_an_idempotency_key_that_cannot_serve_is_refused(world: World, key: str) -> None:
    assert world.strict.post(GOOD, Idempotency_Key=key).status == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x"])
def test_another_type_of_body_is_refused(world: World, kind: str) -> None:
    assert world.strict.post(GOOD, Content_Type=kind).status == 415


def test_a_compressed_body_is_refused(world: World) -> None:
    assert world.strict.post(GOOD, Content_Encoding="gzip").status == 415


def test_forms_that_cannot_be_read_are_refused(world: World) -> None:
    good = File(name="a.txt", content_type="text/plain", data=b"hello")
    forms: list[tuple[dict[str, str], str]] = [
        ({"to": "+12025550101", "colour": "red"}, "/colour"),
        ({"to": "+1202", "text": "Hi"}, "/to"),
        ({"message": "{", "x": "y"}, "/x"),
        ({"message": "{"}, ""),
        ({"to": "+12025550101", "tags": "{"}, "/tags"),
        ({"to": "+12025550101", "group": "maybe"}, "/group"),
        ({"to": "+12025550101", "text": "a\0b"}, "/text"),
    ]
    for fields, pointer in forms:
        answer = world.strict.post_form(fields, good)
        assert answer.status in (400, 422), fields
        if pointer:
            assert pointer in [error["pointer"] for error in answer.json()["errors"]], fields
    for body in (
        b"",
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n",
        b"nonsense",
    ):
        answer = world.strict.post(body, Content_Type="multipart/form-data; boundary=x")
        assert 400 <= answer.status < 500, body
    assert world.strict.post(b"x", Content_Type="multipart/form-data").status in (400, 415)


def test_methods_and_paths_that_there_are_not_are_said_so(world: World) -> None:
    for method, path, status in (
        ("PUT", "/v1/messages", 405),
        ("DELETE", "/v1/messages/x", 405),
        ("GET", "/v1/media", 405),
        ("PATCH", "/api", 405),
        ("POST", "/v2/messages", 404),
        ("GET", "/", 404),
        ("GET", "/%ff", 404),
        ("POST", "/v1/messages/", 404),
    ):
        answer = request(world.ingress + path, method, headers=world.strict.headers)
        assert (answer.status, answer.json()["status"]) == (status, status), (method, path)
