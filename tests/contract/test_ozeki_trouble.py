"""What the Ozeki API says of our own trouble, by a real server over a socket that has it (sheet 3.4 and 5.3)."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from broker.domain.value import replace
from broker.errors import OutcomeUncertain
from broker.ingress.doors import Doors
from broker.services.accept import Accept
from broker.settings import Settings
from tests.contract.waiting import admitted, lane_what_waits, paced
from tests.contract.wire_server import Answer, Server, serve
from tests.redis_server import RedisServer, free_port

WITHIN_S = 30.0
LOGIN = {"username": "acme", "password": "s3cret"}
MESSAGE = {"recipient": "+12025550101", "messagedata": "Hi"}
JSON = {"Content-Type": "application/json"}
DOCUMENT: dict[str, Any] = {
    "accounts": [{"name": "acme", "password": "s3cret", "senders": ["+12025550150"]}],
    "connections": [{"name": "carrier-1", "provider": "loopback", "base_url": "http://127.0.0.1:9"}],
}
FORMS = ("classic", "library", "body")


def send(server: Server, form: str, text: str = "Hi", **more: str) -> Answer:
    """Send one message in one of the three forms."""
    if form == "classic":
        query = urlencode({"action": "sendmessage", **LOGIN, **MESSAGE, "messagedata": text, **more})
        return server.ask("GET", f"/api?{query}")
    if form == "body":
        body = {"action": "sendmessage", **LOGIN, **MESSAGE, "messagedata": text, **more}
        return server.ask("POST", "/api", json.dumps(body).encode(), JSON)
    messages = {"messages": [{"to_address": MESSAGE["recipient"], "text": text, **more}]}
    target = f"/api?{urlencode({'action': 'sendmsg', **LOGIN})}"
    return server.ask("POST", target, json.dumps(messages).encode(), JSON)


def told(answer: Answer) -> tuple[int, str]:
    """Return the status, with the code of the classic form or the word of the others."""
    if answer.headers["content-type"] == "application/json":
        return answer.status, json.loads(answer.body)["response_code"]
    return answer.status, answer.body.decode().partition("<statuscode>")[2].partition("<")[0]


TAKEN = {"classic": (200, "0"), "library": (200, "SUCCESS"), "body": (200, "SUCCESS")}


def refusal(form: str, status: int, word: str) -> tuple[int, str]:
    """Return what a form says of trouble of ours: the classic one never has another status than 200."""
    return (200, "199") if form == "classic" else (status, word)


@pytest.mark.parametrize("form", FORMS)
def test_redis_is_away(
    make_settings: Callable[..., Settings], own_redis: Callable[..., RedisServer], form: str
) -> None:
    own = own_redis()
    with serve(make_settings(redis_url=f"{own.url}/0"), DOCUMENT) as server:
        assert told(send(server, form)) == TAKEN[form]
        own.kill()
        answer = send(server, form)
        assert told(answer) == refusal(form, 503, "UNAVAILABLE")
        assert int(answer.headers["retry-after"]) >= 1
        own.start()
        deadline = time.monotonic() + WITHIN_S
        while told(send(server, form)) != TAKEN[form]:
            assert time.monotonic() < deadline, "it comes back by itself"


@pytest.mark.parametrize("form", FORMS)
def test_sql_is_away_and_the_account_is_not_known_here(
    make_settings: Callable[..., Settings], form: str
) -> None:
    away = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    with serve(make_settings(database_url=away), None) as server:
        answer = send(server, form)
        assert told(answer) == refusal(form, 503, "UNAVAILABLE")
        assert int(answer.headers["retry-after"]) >= 1


def valid_for(form: str, seconds: int) -> dict[str, str]:
    """Return what a form says of a message that is to be sent within so many seconds."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    if form == "library":
        return {"valid_until": until.strftime("%Y-%m-%d %H:%M:%S")}
    return {"vp": until.strftime("%Y.%m.%d. %H:%M:%S")}


@pytest.mark.parametrize("form", FORMS)
def test_so_much_waits_for_its_sender_that_it_could_not_leave_within_its_validity(
    settings: Settings, form: str
) -> None:
    with serve(settings, paced(DOCUMENT, sender_mps=0.1)) as server:
        for _ in range(30):
            assert told(send(server, form)) == TAKEN[form]
        assert lane_what_waits(settings) == 30, "that is 300 seconds"
        deadline = time.monotonic() + WITHIN_S
        while told(answer := send(server, form, **valid_for(form, 60))) == TAKEN[form]:
            assert time.monotonic() < deadline, "what waits in the lane is seen soon"
            time.sleep(0.1)
        assert told(answer) == refusal(form, 503, "UNAVAILABLE")
        assert 240 <= int(answer.headers["retry-after"]) <= 300, "then a message as short-lived may go"
        taken = admitted(settings)
        assert told(send(server, form, **valid_for(form, 60))) == refusal(form, 503, "UNAVAILABLE")
        assert admitted(settings) == taken, "nothing of it is kept"
        assert told(send(server, form, **valid_for(form, 3600))) == TAKEN[form]
        assert told(send(server, form)) == TAKEN[form], "it is valid for a week by itself"


class Unsure:
    """Takes nothing, and cannot say whether it did."""

    def __init__(self, whole: Accept) -> None:
        self.close = whole.close

    async def accept(self, *_: object, **__: object) -> None:
        """Fail as where the answer of Redis is lost."""
        raise OutcomeUncertain("the message may have been taken")


@pytest.mark.parametrize("form", FORMS)
def test_nobody_knows_whether_it_was_taken(settings: Settings, form: str) -> None:
    def alter(doors: Doors) -> Doors:
        return replace(doors, accept=Unsure(doors.accept))  # type: ignore[arg-type]  # it is unsure

    with serve(settings, DOCUMENT, alter=alter) as server:
        assert told(send(server, form)) == refusal(form, 503, "OUTCOME_UNKNOWN")


@pytest.mark.parametrize("form", ["library", "body"])
def test_the_request_is_too_large(make_settings: Callable[..., Settings], form: str) -> None:
    with serve(make_settings(body_limit=1000), DOCUMENT) as server:
        assert told(send(server, form, "x" * 1000)) == (413, "TOO_LARGE")
        assert told(send(server, form)) == TAKEN[form]


@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        (
            {},
            "application/xml",
            "<statuscode>104</statuscode>\n         <statusmessage>Invalid message data<",
        ),
        (
            {"responseformat": "html"},
            "text/html; charset=utf-8",
            "Status code: 104<br>\nStatus message: Invalid",
        ),
        (
            {"responseformat": "urlencoded"},
            "application/x-www-form-urlencoded",
            "statuscode=104&statusmessage=Inv",
        ),
        ({"responseformat": "json"}, "application/json", '"response_code":"TOO_LARGE"'),
    ],
    ids=["XML", "HTML", "urlencoded", "JSON"],
)
def test_a_form_that_is_too_large_is_refused_like_any_other_with_200(
    make_settings: Callable[..., Settings], wanted: dict[str, str], kind: str, said: str
) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    target = f"/api?{urlencode({'action': 'sendmessage', **LOGIN, **wanted})}"
    with serve(make_settings(body_limit=1000), DOCUMENT) as server:
        answer = server.ask("POST", target, urlencode({**MESSAGE, "messagedata": "x" * 1000}).encode(), form)
        assert answer.status == 200
        assert answer.headers["content-type"] == kind
        assert said in answer.body.decode()
        small = server.ask("POST", target, urlencode(MESSAGE).encode(), form)
        assert (small.status, b"Message accepted for delivery" in small.body.replace(b"+", b" ")) == (
            200,
            True,
        )


def test_a_form_that_is_too_large_and_says_everything_itself_is_refused_in_xml(
    make_settings: Callable[..., Settings],
) -> None:
    fields = {"action": "sendmessage", **LOGIN, **MESSAGE, "messagedata": "x" * 1000}
    with serve(make_settings(body_limit=1000), DOCUMENT) as server:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = server.ask("POST", "/api", urlencode(fields).encode(), form)
        assert told(answer) == (200, "104")
        assert answer.headers["content-type"] == "application/xml"
