"""What is shown of what went over the wire, and what is not."""

import json
from typing import Any

import pytest

from broker.domain.redaction import LONGEST_BODY, redact_body, redact_headers, redact_url

CANARY = "canary in a text"
NUMBER = "+12025550123"


def redacted(value: Any) -> Any:
    return json.loads(redact_body(json.dumps(value).encode()))


def test_what_is_known_to_be_harmless_is_shown() -> None:
    harmless = {
        "type": "message-delivered",
        "time": "2026-01-17T13:10:26.000Z",
        "description": "ok",
        "errorCode": 4720,
        "id": "1795262400123a7b8c9d0e1f2g3h4",
        "tag": "01975312-1234-7e5f-8a6b-012345678901.12",
        "applicationId": "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00",
        "segmentCount": 3,
        "flag": True,
        "nothing": None,
    }
    assert redacted(harmless) == harmless


@pytest.mark.parametrize("key", ["from", "to", "owner", "recipient", "From", "TO"])
def test_addresses_are_masked(key: str) -> None:
    assert redacted({key: NUMBER}) == {key: "+1202***0123"}
    assert redacted({key: [NUMBER, NUMBER[1:]]}) == {key: ["+1202***0123", "12025***0123"]}
    assert CANARY not in redact_body(json.dumps({key: f"{CANARY} and more of it"}).encode())


@pytest.mark.parametrize(
    "key", ["text", "subject", "access_token", "client_secret", "password", "new", "body"]
)
def test_of_any_other_text_only_the_length_is_shown(key: str) -> None:
    assert redacted({key: CANARY}) == {key: f"({len(CANARY)} characters)"}
    assert redacted({key: ""}) == {key: ""}


def test_a_text_that_is_repeated_elsewhere_is_hidden_there_too() -> None:
    found = redacted({"text": CANARY, "description": f"refused: {CANARY}", "code": "x"})
    assert found == {"text": f"({len(CANARY)} characters)", "description": "refused: ***", "code": "x"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"description": f"no route to {NUMBER}"}, {"description": "no route to +1202***0123"}),
        ({"description": "call 2025550123 now"}, {"description": "call 20***now"}),
        ({"id": NUMBER}, {"id": "+1202***0123"}),
        ({"tag": f"to {NUMBER[1:]}"}, {"tag": "to 12025***0123"}),
        ({"count": 12025550123}, {"count": "12025***0123"}),
        ({"error": "Bearer eyJhbGciOi"}, {"error": "Bearer ***"}),
        ({f"{CANARY}": 1}, {"***": 1}),
        ({NUMBER: 1}, {"***": 1}),
    ],
    ids=["sentence", "national", "id", "tag", "number", "token", "key", "number as key"],
)
def test_a_number_or_secret_in_an_odd_place_is_not_shown(value: Any, shown: Any) -> None:
    if "call" in json.dumps(value):
        assert "2025550123" not in json.dumps(redacted(value))
    else:
        assert redacted(value) == shown


def test_links_lose_their_query_and_their_user() -> None:
    url = f"https://user:{CANARY[:6]}@media.example/users/9/{NUMBER[1:]}/cat.jpg?token=canary#canary"
    assert redact_url(url) == "https://media.example/users/9/12025***0123/cat.jpg"
    assert redacted({"media": [url]}) == {"media": ["https://media.example/users/9/12025***0123/cat.jpg"]}
    assert redact_url("http://[broken") == "***"


def test_headers_are_named_and_only_harmless_values_are_shown() -> None:
    headers = {
        "Authorization": "Basic abc",
        "Content-Type": "text/plain",
        "X-Api-Key": "k",
        "Set-Cookie": "c",
    }
    assert redact_headers(headers) == {
        "authorization": "***",
        "content-type": "text/plain",
        "x-api-key": "***",
        "set-cookie": "***",
    }


@pytest.mark.parametrize(
    "body", [CANARY.encode(), b"\xff\xfe", b"{", b"grant_type=client_credentials&secret=x"]
)
def test_of_what_is_no_json_only_the_size_is_shown(body: bytes) -> None:
    assert redact_body(body) == f"({len(body)} bytes)"


def test_a_huge_or_deep_body_is_cut() -> None:
    assert len(redact_body(json.dumps([{"id": "x" * 200}] * 1000).encode())) <= LONGEST_BODY + 100
    wide = json.dumps({f"k{chr(97 + n % 26)}{chr(97 + n // 26)}": "y" * 9 for n in range(600)}).encode()
    assert len(redact_body(wide)) <= LONGEST_BODY + 1
    deep: Any = CANARY
    for _ in range(50):
        deep = {"id": [deep]}
    assert CANARY not in redact_body(json.dumps(deep).encode())
    assert redact_body(b"") == ""
