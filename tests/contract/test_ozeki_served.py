"""The Ozeki API as its sheet has it, call by call, from a real server over a socket."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import pytest
import redis

from broker.settings import Settings
from tests.conftest import SECRET_KEY
from tests.contract.served import Served, Talk, served, talks
from tests.redis_server import RedisServer

TALKS = talks("ozeki")
AT_LEAST = 120
FORM = "application/x-www-form-urlencoded"

_ACCOUNT = {"password": "p1", "senders": ["+12025550150", "Shop"], "inbound_numbers": []}
DOCUMENT = {
    "accounts": [
        {**_ACCOUNT, "name": "u1", "inbound_numbers": ["+12025550150"]},
        {**_ACCOUNT, "name": "poor", "credit": 0},
        {**_ACCOUNT, "name": "rich", "credit": 123},
        {**_ACCOUNT, "name": "twin", "credit": 7},
        {**_ACCOUNT, "name": "daily", "daily_limit": 0},
        {**_ACCOUNT, "name": "texter", "mms": False},
        {**_ACCOUNT, "name": "elsewhere", "allowed_ips": ["10.0.0.0/8"]},
        {**_ACCOUNT, "name": "newyork", "timezone": "America/New_York"},
        {**_ACCOUNT, "name": "long-name-of-more-than-sixteen", "password": "a password of more than sixteen"},
    ],
    "connections": [
        {
            "name": "Bandwidth_1",
            "provider": "bandwidth",
            "base_url": "http://127.0.0.1:9/api/v2",
            "auth": "basic",
            "username": "u",
            "password": "p",
            "account_id": "5500001",
            "application_id": "app",
            "senders": ["+12025550150"],
        }
    ],
    "operators": [
        {"name": "boss", "password": "boss's own", "role": "admin"},
        {"name": "twin", "password": "twin's own", "role": "admin"},
        {"name": "clerk", "password": "clerk's own", "role": "operator"},
    ],
}


@pytest.fixture(scope="module")
def server(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One ingress for all cases."""
    data = tmp_path_factory.mktemp("ozeki")
    with redis_server.client(15) as client:
        client.flushdb()
    settings = Settings(
        data_dir=data, redis_url=f"{redis_server.url}/15", secret_key=SECRET_KEY, port=0, ozeki_aliases=True
    )
    outbox = settings.outbox / "u1" / "media"
    outbox.mkdir(parents=True)
    (outbox / "cat.gif").write_bytes(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
    with served(settings, DOCUMENT, login="username=u1&password=p1") as one:
        yield one


@pytest.mark.parametrize("talk", [pytest.param(talk, id=str(talk)) for talk in TALKS])
def test_the_sheet_holds(server: Served, talk: Talk) -> None:
    server.begin(talk)
    for turn in talk.turns:
        server.say(turn)


def test_there_are_enough_cases() -> None:
    assert len(TALKS) >= AT_LEAST
    assert len({(talk.section, talk.name) for talk in TALKS}) == len(TALKS), (
        "every case has a name of its own"
    )


@pytest.mark.parametrize("kind", ["a form", "parts"])
def test_a_thousand_messages_with_fields_of_their_own_are_taken(server: Served, kind: str) -> None:
    server.begin(TALKS[0])
    fields = {"action": "sendmessage", "messagecount": "1000", "username": "u1", "password": "p1"}
    for number in range(1000):
        fields |= {f"recipient{number}": f"+1202555{number:04}", f"messagedata{number}": f"Hi {number}"}
    body, content_type = encoded(fields) if kind == "parts" else (urlencode(fields), FORM)
    server.connection.request("POST", "/api", body, {"Content-Type": content_type})
    answer = server.connection.getresponse()
    text = answer.read().decode()
    assert (answer.status, text.count("<statuscode>0</statuscode>")) == (200, 1000), text[:500]


def test_fields_have_an_end(server: Served) -> None:
    server.begin(TALKS[0])
    body = urlencode({"action": "sendmessage", **{f"x{number}": "1" for number in range(10_021)}})
    server.connection.request("POST", "/api", body, {"Content-Type": FORM})
    answer = server.connection.getresponse()
    assert (answer.status, "<statuscode>104</statuscode>" in answer.read().decode()) == (200, True)


def encoded(fields: Mapping[str, str]) -> tuple[str, str]:
    """Return a body of parts with its type."""
    parts = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return f"{parts}--x--\r\n", "multipart/form-data; boundary=x"


def test_what_a_customer_asks_as_an_administrator_is_no_guess(server: Served) -> None:
    server.begin(TALKS[0])
    url = f"/api?action=%s&useraccount=poor&credits=5&{server.login}"
    with redis.Redis.from_url(server.settings.redis_url) as client:
        for key in client.scan_iter("guessed:*"):
            client.delete(key)
        for action in ("setcredits", "addcredits", "getcredits"):
            server.connection.request("GET", url % action)
            answer = server.connection.getresponse().read().decode()
            assert "<errorcode>116</errorcode>" in answer
        assert client.keys("guessed:*") == []


def test_a_customer_may_have_the_name_of_an_operator(server: Served) -> None:
    server.begin(TALKS[0])
    url = "/api?action=getcredits&username=twin&password="
    for password, said in (("p1", "<balance>7</balance>"), ("twin's+own", "<errorcode>101</errorcode>")):
        server.connection.request("GET", url + password)
        assert said in server.connection.getresponse().read().decode()
