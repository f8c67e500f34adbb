"""What an operator may choose of the MX Telecom API, over a socket."""

import socket
from collections.abc import Callable

import pytest
import redis

from broker.keyspace.content import decode
from broker.settings import Settings
from tests.contract.test_mxtelecom import PASSWORD
from tests.contract.test_mxtelecom_codes import DOCUMENT, account, mms, send, told
from tests.contract.wire_cases import login_of
from tests.contract.wire_server import serve

OLDEST = "/servlets/com.wapmx.SMSServer.SMSServerSend"


def texts(settings: Settings) -> list[str]:
    """Return the texts of all messages."""
    with redis.Redis.from_url(settings.redis_url) as client:
        return [decode(client.get(name)).text for name in client.keys("msg:*")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("latin", "text"), [(False, "Caf\u00e9"), (True, "Caf\u00c3\u00a9")], ids=["UTF-8 first", "ISO-8859-15"]
)
def test_the_charset_of_texts(make_settings: Callable[..., Settings], latin: bool, text: str) -> None:
    settings = make_settings(mx_latin=latin)
    with serve(settings, DOCUMENT) as server:
        assert send(server, "smsto=447700900123&smsmsg=Caf%C3%A9").status == 200
        assert texts(settings) == [text]


def test_the_oldest_path_is_served_only_where_it_is_wanted(make_settings: Callable[..., Settings]) -> None:
    with serve(make_settings(), DOCUMENT) as server:
        assert send(server, path=OLDEST).status == 404
    with serve(make_settings(mx_oldest_path=True), DOCUMENT) as server:
        assert send(server, path=OLDEST).status == 200


def test_a_path_that_is_wanted_is_answered_in_its_own_words_even_if_it_is_no_http(
    make_settings: Callable[..., Settings],
) -> None:
    with (
        serve(make_settings(mx_oldest_path=True), DOCUMENT) as server,
        socket.create_connection(("127.0.0.1", server.port), 20) as line,
    ):
        line.sendall(f"GET {OLDEST}?smsto=447700900123&smsmsg=a b HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answered = b""
        while piece := line.recv(65536):
            answered += piece
        head, _, body = answered.partition(b"\r\n\r\n")
        assert b" 403 Forbidden" in head.partition(b"\r\n")[0]
        assert body == b"Invalid parameter: request: the request is not HTTP that can be read\n5"


def test_short_codes_may_be_kept_from_sending_mms(make_settings: Callable[..., Settings]) -> None:
    query = "to=447700900123&from=60777&url=http%3A%2F%2F127.0.0.1%3A9%2Fa.zip"
    with serve(make_settings(), DOCUMENT) as server:
        assert told(send(server, query, "/SendMMS"))[2] == "5", "the sender is well; the address is not"
    with serve(make_settings(mx_short_codes=False), DOCUMENT) as server:
        assert told(send(server, query, "/SendMMS"))[2] == "18"


def test_the_address_of_a_caller_is_what_a_proxy_of_ours_says(make_settings: Callable[..., Settings]) -> None:
    document = account(allowed_ips=["192.0.2.1"])
    with serve(make_settings(trusted_proxies=("127.0.0.0/8",)), document) as server:
        target = f"/SMSSend?{login_of('acme', PASSWORD)}&smsto=447700900123&smsmsg=Hi"
        for claimed, status in (("192.0.2.1", 200), ("198.51.100.1", 403), ("192.0.2.1, 198.51.100.1", 403)):
            answer = server.ask("GET", target, headers={"X-Forwarded-For": claimed})
            assert answer.status == status
            assert status == 200 or told(answer)[2] == "12"


def test_who_guesses_too_much_is_told_to_try_again_and_nothing_else(settings: Settings) -> None:
    with serve(settings, DOCUMENT) as server:
        target = "/SMSSend?user=acme&smsto=447700900123&smsmsg=Hi&pass="
        found = [told(server.ask("GET", f"{target}{n}"))[2] for n in range(40)]
        assert set(found) == {"8", "2"}
        assert found[0] == "8"


def test_the_most_recipients_of_a_request(make_settings: Callable[..., Settings]) -> None:
    with serve(make_settings(mx_recipients=2), DOCUMENT) as server:
        found = told(mms(server, "447700900123,447700900124,447700900125"))
        assert found == (403, "Invalid parameter: to: has more than 2 numbers", "5")


def test_requests_may_follow_each_other_on_one_connection_before_their_answers(settings: Settings) -> None:
    with (
        serve(settings, DOCUMENT) as server,
        socket.create_connection(("127.0.0.1", server.port), 20) as line,
    ):
        target = f"/SMSSend?{login_of('acme', PASSWORD)}&smsto=447700900123&smsmsg="
        heads = [f"GET {target}{n} HTTP/1.1\r\nHost: x\r\n" for n in range(4)]
        line.sendall("\r\n".join([*heads[:3], heads[3] + "Connection: close\r\n\r\n"]).encode())
        answered = b""
        while piece := line.recv(65536):
            answered += piece
        assert answered.count(b"HTTP/1.1 200 OK\r\n") == 4
        assert sorted(texts(settings)) == ["0", "1", "2", "3"]
