"""Each of MX Telecom's fifteen codes, by a real server over a socket that has that very trouble (sheet 3.1)."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import redis

from broker.domain.value import replace
from broker.ingress.doors import Doors
from broker.services.accept import Accept
from broker.settings import Settings
from tests.contract.test_mxtelecom import CONNECTION, PASSWORD, SENDERS
from tests.contract.waiting import admitted, lane_what_waits, paced
from tests.contract.wire_cases import login_of
from tests.contract.wire_server import Answer, Server, serve
from tests.redis_server import RedisServer, free_port

WITHIN_S = 30.0
TEXT = "smsto=447700900123&smsmsg=Hi"
ACCOUNT: dict[str, Any] = {"name": "acme", "password": PASSWORD, "senders": SENDERS, "country": "GB"}
DOCUMENT = {"accounts": [ACCOUNT], "connections": [CONNECTION]}


def account(**changes: Any) -> Mapping[str, Any]:
    """Return a document with an account that is not the usual one."""
    return {**DOCUMENT, "accounts": [{**ACCOUNT, **changes}]}


def send(server: Server, query: str = TEXT, path: str = "/SMSSend") -> Answer:
    """Send as the account."""
    return server.ask("GET", f"{path}?{login_of('acme', PASSWORD)}&{query}")


def mms(server: Server, recipients: str = "447700900123") -> Answer:
    """Send an MMS from an address that leads inside."""
    query = f"to={recipients}&from=447700900456&url=http%3A%2F%2F127.0.0.1%3A9%2Fa.zip"
    return send(server, query, "/SendMMS")


def told(answer: Answer) -> tuple[int, str, str]:
    """Return status, reason and code of a refusal, which has exactly these."""
    reason, code = answer.body.decode("ascii").split("\n")
    assert answer.headers["content-type"] == "text/plain;charset=US-ASCII"
    return answer.status, reason, code


def is_empty(settings: Settings) -> bool:
    """Say whether nothing of a send is kept: no message, no number, no count, no charge."""
    with redis.Redis.from_url(settings.redis_url, decode_responses=True) as client:
        kept = [name for pattern in ("msg:*", "number:*", "fresh:submit*") for name in client.keys(pattern)]
        counted = [client.get(name) for name in client.keys("quota:*")]
        return kept == [] and set(counted) <= {"0"}


def test_1_no_connection_can_carry_it(settings: Settings) -> None:
    with serve(settings, {"accounts": [ACCOUNT]}) as server:
        answer = send(server)
        assert told(answer) == (
            403,
            "Configuration error on the gateway, please contact the operator",
            "1",
        )
        assert is_empty(settings)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"daily_limit": 0, "monthly_limit": 0, "credit": 0}, "9"),
        ({"monthly_limit": 0, "credit": 0}, "10"),
        ({"credit": 0}, "15"),
        ({"daily_limit": 1, "monthly_limit": 1, "credit": 1}, "1"),
    ],
)
def test_1_comes_after_limits_and_credit_and_uses_neither_up(
    settings: Settings, limits: Mapping[str, int], code: str
) -> None:
    with serve(settings, {"accounts": [{**ACCOUNT, **limits}]}) as server:
        assert [told(send(server))[2] for _ in range(3)] == [code] * 3
        assert is_empty(settings)
        server.provision({"connections": [CONNECTION]})
        if code == "1":
            deadline = time.monotonic() + WITHIN_S
            while send(server).status != 200:
                assert time.monotonic() < deadline, "a connection that is new carries it soon"
                time.sleep(0.1)


def test_2_too_much_waits_already(make_settings: Callable[..., Settings]) -> None:
    with serve(make_settings(backlog_age_s=0.01), DOCUMENT) as server:
        deadline = time.monotonic() + WITHIN_S
        while (answer := send(server)).status == 200:
            assert time.monotonic() < deadline, "a message that nobody takes is a backlog"
            time.sleep(0.1)
        assert told(answer) == (403, "Error while handling the request, please try again", "2")


def test_2_so_much_waits_for_its_sender_that_it_could_not_leave_within_its_validity(
    settings: Settings,
) -> None:
    with serve(settings, paced(DOCUMENT, sender_mps=0.1)) as server:
        for _ in range(30):
            assert send(server).status == 200
        assert lane_what_waits(settings) == 30, "that is five minutes"
        deadline = time.monotonic() + WITHIN_S
        while (answer := send(server, f"{TEXT}&vp=60")).status == 200:
            assert time.monotonic() < deadline, "what waits in the lane is seen soon"
            time.sleep(0.1)
        assert told(answer) == (403, "Error while handling the request, please try again", "2")
        assert 200 <= int(answer.headers["retry-after"]) <= 300, "when it could leave in time"
        taken = admitted(settings)
        assert told(send(server, f"{TEXT}&vp=60"))[2] == "2"
        assert admitted(settings) == taken, "nothing of it is kept"
        assert send(server, f"{TEXT}&vp=3600").status == 200


def test_3_redis_is_away(
    make_settings: Callable[..., Settings], own_redis: Callable[..., RedisServer]
) -> None:
    own = own_redis()
    with serve(make_settings(redis_url=f"{own.url}/0"), DOCUMENT) as server:
        assert send(server).status == 200
        own.kill()
        assert told(send(server)) == (
            403,
            "The core of the gateway cannot be reached, please try again",
            "3",
        )
        own.start()
        deadline = time.monotonic() + WITHIN_S
        while send(server).status != 200:
            assert time.monotonic() < deadline, "it comes back by itself"


def test_3_says_so_where_redis_may_have_taken_it(
    make_settings: Callable[..., Settings], own_redis: Callable[..., RedisServer]
) -> None:
    own = own_redis()
    with serve(make_settings(redis_url=f"{own.url}/0"), DOCUMENT) as server:
        assert send(server).status == 200
        own.freeze()
        answer = send(server)
        own.thaw()
        assert told(answer) == (
            403,
            "The core of the gateway did not answer, the message may have been accepted",
            "3",
        )


def test_3_comes_after_everything_that_the_customer_can_mend(
    make_settings: Callable[..., Settings], own_redis: Callable[..., RedisServer]
) -> None:
    own = own_redis()
    with serve(make_settings(redis_url=f"{own.url}/0"), DOCUMENT) as server:
        assert send(server).status == 200
        own.kill()
        assert told(send(server, f"{TEXT}&smsfrom=Globex"))[2] == "18"
        assert told(mms(server, "447700900123,447700900123"))[2] == "14"
        assert told(mms(server))[2] == "5"


def test_4_and_5_and_14_and_18_are_the_customers_to_mend(settings: Settings) -> None:
    with serve(settings, DOCUMENT) as server:
        assert told(send(server, "smsto=447700900123")) == (403, "Missing parameter: smsmsg", "4")
        assert told(mms(server))[2] == "5"
        assert told(mms(server, "447700900123,%2B447700900123"))[2] == "14"
        assert told(send(server, f"{TEXT}&smsfrom=Globex")) == (403, "Invalid sender", "18")
        assert is_empty(settings)


def test_6_the_account_is_not_known_here_and_sql_is_away(make_settings: Callable[..., Settings]) -> None:
    away = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    with serve(make_settings(database_url=away, mx_contact="help@gateway.example"), None) as server:
        assert told(send(server)) == (403, "Database error, please contact help@gateway.example", "6")


def test_8_the_password_is_wrong(settings: Settings) -> None:
    with serve(settings, DOCUMENT) as server:
        answer = server.ask("GET", f"/SMSSend?user=acme&pass=wrong&{TEXT}")
        assert told(answer) == (403, "Username/Password incorrect", "8")
        assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(
    ("limits", "code", "reason"),
    [
        ({"daily_limit": 1}, "9", "Daily limit of requests reached"),
        ({"monthly_limit": 1}, "10", "Monthly limit of requests reached"),
        ({"credit": 1}, "15", "Not enough credit"),
    ],
)
def test_9_10_and_15_what_the_account_may_use_is_used_up(
    settings: Settings, limits: Mapping[str, int], code: str, reason: str
) -> None:
    with serve(settings, account(**limits)) as server:
        assert send(server).status == 200
        assert told(send(server)) == (403, reason, code)


def test_11_and_12_the_account_may_not(settings: Settings) -> None:
    with serve(settings, account(mms=False)) as server:
        assert told(mms(server))[2] == "11"
    with serve(settings, account(mms=False, allowed_ips=["192.0.2.7"])) as server:
        assert told(mms(server))[2] == "12"


class Broken:
    """A part of the server that does what nobody foresaw."""

    def __init__(self, whole: Accept) -> None:
        self.close = whole.close

    async def accept(self, *_: object, **__: object) -> None:
        """Fail with what was asked in the error, as libraries do."""
        raise RuntimeError(f"cannot read [parameters: {PASSWORD}]")


def test_13_something_nobody_foresaw(settings: Settings) -> None:
    def alter(doors: Doors) -> Doors:
        return replace(doors, accept=Broken(doors.accept))  # type: ignore[arg-type]  # it is broken

    with serve(settings, DOCUMENT, alter=alter) as server:
        answer = send(server)
        assert told(answer) == (403, "Internal error, please contact the operator", "13")
        assert answer.headers["cache-control"] == "no-store"
