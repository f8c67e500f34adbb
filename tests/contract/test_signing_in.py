"""Who may sign in from where, and how a guess is told, in every dialect over a socket."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import redis

from broker.settings import Settings
from tests.contract.wire_server import Answer, Server, serve

PASSWORD = "correct horse"
SENDER, TO = "447700900456", "447700900987"
KEY = "an-api-key-of-acme"
ACCOUNT = {
    "name": "acme",
    "password": PASSWORD,
    "api_keys": [KEY],
    "senders": [f"+{SENDER}"],
    "country": "GB",
}
CONNECTION = {"name": "carrier-1", "provider": "loopback", "base_url": "http://127.0.0.1:9"}
DOCUMENT = {"accounts": [ACCOUNT], "connections": [CONNECTION]}
WAYS = ("native", "ozeki", "ozeki json", "mxtelecom")


def send(server: Server, way: str, *, password: str = PASSWORD, **headers: str) -> Answer:
    """Send a text in one of the ways, by GET where there is one."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    login = base64.b64encode(f"acme:{password}".encode()).decode()
    if way == "native":
        body = f'{{"to": "+{TO}", "text": "Hello"}}'.encode()
        kind = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        return server.ask("POST", "/v1/messages", body, {**kind, **named})
    if way == "ozeki json":
        body = f'{{"action": "sendmessage", "recipient": "+{TO}", "messagedata": "Hello"}}'.encode()
        kind = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        return server.ask("POST", "/api", body, {**kind, **named})
    return server.ask("GET", target(way, password), b"", named)


def target(way: str, password: str = PASSWORD) -> str:
    """Return the target of a GET that sends."""
    words = password.replace(" ", "+")
    if way == "mxtelecom":
        return f"/SMSSend?user=acme&pass={words}&smsto={TO}&smsmsg=Hello"
    return f"/api?action=sendmessage&username=acme&password={words}&recipient=%2B{TO}&messagedata=Hello"


def guess(server: Server, client: Any, way: str, **headers: str) -> None:
    """Try two wrong passwords, and let the first count for many, so that the hold outlasts the test."""
    assert send(server, way, password="wrong", **headers).status in {200, 401, 403}
    (tried,) = client.keys("tried:*")
    client.sadd(tried, *range(20))
    assert send(server, way, password="wrong again", **headers).status in {200, 401, 403}


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    with redis.Redis.from_url(settings.redis_url) as one:
        yield one


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    with serve(settings, DOCUMENT) as one:
        yield one


LATER: Mapping[str, tuple[int, bytes]] = {
    "native": (429, b'"code":"too_many_guesses"'),
    "ozeki": (200, b"<statuscode>108</statuscode>"),
    "ozeki json": (429, b"RATE_LIMIT"),
    "mxtelecom": (403, b"please try again\n2"),
}


@pytest.mark.parametrize("way", WAYS)
def test_who_guesses_is_told_to_come_again_later_and_sends_nothing(
    server: Server, client: Any, way: str
) -> None:
    guess(server, client, way)
    answer = send(server, way)
    status, words = LATER[way]
    assert answer.status == status
    assert words in answer.body
    assert client.zcard("fresh:submit") == 0
    if way != "mxtelecom":  # its clients know no such header
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("way", WAYS)
def test_an_allow_list_asks_for_the_address_behind_our_own_proxies(
    make_settings: Any, client: Any, way: str
) -> None:
    settings = make_settings(trusted_proxies=("127.0.0.0/8",))
    document = {**DOCUMENT, "accounts": [{**ACCOUNT, "allowed_ips": ["198.51.100.0/24"]}]}
    with serve(settings, document) as server:
        assert send(server, way).status in {200, 403}
        for told in ("192.0.2.1", "198.51.100.7, 192.0.2.1", "nonsense", "198.51.100.7, nonsense"):
            send(server, way, X_Forwarded_For=told)
        assert client.zcard("fresh:submit") == 0
        send(server, way, X_Forwarded_For="198.51.100.7")
        send(server, way, X_Forwarded_For="192.0.2.1, [::ffff:198.51.100.8]:4711, 127.0.0.9")
        assert client.zcard("fresh:submit") == 2


@pytest.mark.parametrize("way", WAYS)
def test_nobody_but_our_own_proxies_says_where_a_request_comes_from(
    settings: Settings, client: Any, way: str
) -> None:
    document = {**DOCUMENT, "accounts": [{**ACCOUNT, "allowed_ips": ["198.51.100.0/24"]}]}
    with serve(settings, document) as server:
        send(server, way, X_Forwarded_For="198.51.100.7")
        assert client.zcard("fresh:submit") == 0


def test_guesses_behind_a_proxy_hold_up_only_the_one_who_guesses(make_settings: Any, client: Any) -> None:
    with serve(make_settings(trusted_proxies=("127.0.0.1",)), DOCUMENT) as server:
        guess(server, client, "native", X_Forwarded_For="203.0.113.9")
        assert send(server, "native", X_Forwarded_For="203.0.113.9").status == 429
        assert send(server, "native", X_Forwarded_For="198.51.100.7").status == 202


@pytest.mark.parametrize("way", ["ozeki", "mxtelecom"])
def test_head_never_sends(server: Server, client: Any, way: str) -> None:
    assert server.ask("HEAD", target(way)).status == 405
    assert client.zcard("fresh:submit") == 0
    assert send(server, way).status == 200
    assert client.zcard("fresh:submit") == 1


def test_head_of_every_path_that_is_sent_to_is_refused(server: Server, client: Any) -> None:
    query = target("mxtelecom").partition("?")[2] + "&" + target("ozeki").partition("?")[2]
    paths = ("/v1/messages", "/api", "/SMSSend", "/SendMMS", "/mms/v1/http/send", "/sms/v1/send")
    login = {"Authorization": f"Basic {base64.b64encode(f'acme:{PASSWORD}'.encode()).decode()}"}
    assert {
        path: server.ask("HEAD", f"{path}?{query}", b"", login).status for path in paths
    } == dict.fromkeys(paths, 405)
    assert client.zcard("fresh:submit") == 0


def test_the_most_recipients_are_those_of_the_settings(make_settings: Any, client: Any) -> None:
    with serve(make_settings(max_recipients=2), DOCUMENT) as server:
        login = base64.b64encode(f"acme:{PASSWORD}".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {login}"}
        numbers = [f"+44770090010{n}" for n in range(3)]

        def native(count: int) -> int:
            to = ", ".join(f'"{number}"' for number in numbers[:count])
            return server.ask(
                "POST", "/v1/messages", f'{{"to": [{to}], "text": "x"}}'.encode(), headers
            ).status

        def ozeki(count: int) -> bytes:
            return server.ask(
                "GET", target("ozeki").replace(f"%2B{TO}", ",".join(numbers[:count]).replace("+", "%2B"))
            ).body

        assert (native(3), native(2)) == (422, 202)
        assert b"<statuscode>111</statuscode>" in ozeki(3)
        assert ozeki(2).count(b"<statuscode>0</statuscode>") == 2
        assert client.zcard("fresh:submit") == 4


KEYED: Mapping[str, tuple[str, bytes, int, bytes]] = {
    "native": (
        "POST /v1/messages",
        b'{"to": "+%b", "text": "Hello"}' % TO.encode(),
        202,
        b'"status":"accepted"',
    ),
    "ozeki": (
        f"GET /api?action=sendmessage&recipient=%2B{TO}&messagedata=Hello",
        b"",
        200,
        b"<statuscode>0</statuscode>",
    ),
    "mxtelecom": (f"GET /SMSSend?smsto={TO}&smsmsg=Hello", b"", 200, b""),
}


@pytest.mark.parametrize("dialect", KEYED)
def test_an_api_key_in_the_header_signs_in_everywhere(server: Server, dialect: str) -> None:
    line, body, status, words = KEYED[dialect]
    kind = {"Content-Type": "application/json"} if body else {}
    right = server.ask(*line.split(), body, {**kind, "Authorization": f"Bearer {KEY}"})
    assert (right.status, words in right.body) == (status, True)
    wrong = server.ask(*line.split(), body, {**kind, "Authorization": "Bearer another-key"})
    assert (wrong.status, wrong.body) != (status, right.body)
    assert b"<statuscode>0<" not in wrong.body


def test_credentials_in_the_query_go_before_a_key_in_the_header(server: Server) -> None:
    for way, wrong in (("ozeki", b"<statuscode>100<"), ("mxtelecom", b"\n8")):
        answer = server.ask("GET", target(way, "wrong"), b"", {"Authorization": f"Bearer {KEY}"})
        assert wrong in answer.body
