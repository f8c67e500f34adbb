"""Credentials, in both directions."""

from base64 import b64encode

import pytest

from broker.domain.wire import Call, Request
from broker.errors import (
    ConfigurationError,
    MediaForbidden,
    NotAuthorised,
    OutcomeUnknown,
    SignatureMismatch,
    Unavailable,
)
from tests.conversation import talk
from tests.unit.providers.building import CONFIG, answer, bandwidth

REQUEST = Request(method="POST", url="https://x", headers={"A": "b"}, credentials=True)


def basic(pair: str | bytes) -> str:
    """Return an Authorization header."""
    return f"Basic {b64encode(pair if isinstance(pair, bytes) else pair.encode()).decode()}"


def call(authorization: str | None) -> Call:
    """Make a webhook call."""
    headers = {} if authorization is None else {"authorization": authorization}
    return Call(method="POST", path="/webhooks/bandwidth-1", headers=headers)


@pytest.mark.parametrize(("secret", "chosen"), [(0, "first"), (1, "second")])
def test_a_token_is_asked_for_with_the_chosen_secret(secret: int, chosen: str) -> None:
    reply = answer(200, {"access_token": "abc", "token_type": "Bearer", "expires_in": 3600})
    token, (request,) = talk(bandwidth().token(secret=secret), reply)
    assert (token.value, token.expires_in_s) == ("abc", 3600)
    assert (request.method, request.url) == ("POST", CONFIG["token_url"])
    assert request.headers["Authorization"] == basic(f"client:{chosen}")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.body == b"grant_type=client_credentials"
    assert not request.credentials
    assert not bandwidth().is_create(request)


@pytest.mark.parametrize(
    ("life", "seconds"), [(60, 60), ("60", 60), (59.9, 59), (-1, 0), (None, 300), ("long", 300), ([], 300)]
)
def test_the_life_of_a_token_is_data(life: object, seconds: int) -> None:
    token, _ = talk(bandwidth().token(secret=0), answer(200, {"access_token": "abc", "expires_in": life}))
    assert token.expires_in_s == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 415])
def test_a_refused_client_is_not_authorised(status: int) -> None:
    with pytest.raises(NotAuthorised) as raised:
        talk(
            bandwidth().token(secret=0),
            answer(status, {"error": "invalid_client", "error_description": "no first"}),
        )
    assert raised.value.http_status == status
    assert raised.value.code == "invalid_client"
    assert "first" not in raised.value.detail


@pytest.mark.parametrize("failure", [301, 408, 429, 500, 502, 503, 504, OutcomeUnknown("timed out")])
def test_a_token_that_cannot_be_had_means_nothing_was_sent(failure: int | Exception) -> None:
    reply = answer(failure) if isinstance(failure, int) else failure
    with pytest.raises(Unavailable):
        talk(bandwidth().token(secret=0), reply)


@pytest.mark.parametrize("body", [b"", b"<html>", {}, {"access_token": 5}, {"access_token": "a\r\nX: 1"}])
def test_an_answer_without_a_usable_token_is_no_token(body: object) -> None:
    with pytest.raises(Unavailable):
        talk(bandwidth().token(secret=0), answer(200, body))


def test_there_is_no_third_secret_and_a_second_only_where_it_is_set() -> None:
    for provider, secret in ((bandwidth(next_client_secret=None), 1), (bandwidth(), 2), (bandwidth(), -1)):
        with pytest.raises(NotAuthorised):
            talk(provider.token(secret=secret))


def test_a_request_carries_the_token() -> None:
    provider = bandwidth()
    assert provider.needs_token()
    assert provider.authorise(REQUEST, "abc").headers == {"A": "b", "Authorization": "Bearer abc"}
    with pytest.raises(NotAuthorised):
        provider.authorise(REQUEST, None)


def test_basic_needs_no_token() -> None:
    provider = bandwidth(auth="basic", username="user", password="pass")
    assert not provider.needs_token()
    assert provider.authorise(REQUEST, None).headers["Authorization"] == basic("user:pass")
    with pytest.raises(NotAuthorised):
        talk(provider.token(secret=0))


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": None},
        {"account_id": None},
        {"application_id": ""},
        {"token_url": None},
        {"client_secret": None},
        {"auth": "magic"},
        {"auth": "basic"},
        {"media_mode": "pigeon"},
        {"mms_receipts": "false"},
        {"webhook_password": None},
        {"webhook_username": None},
    ],
)
def test_a_connection_that_cannot_work_is_refused_with_the_settings_name(
    changes: dict[str, str | None],
) -> None:
    with pytest.raises(ConfigurationError, match=r"^connection bandwidth-1: \w+ "):
        bandwidth(**changes)


def test_secrets_do_not_show() -> None:
    provider = bandwidth()
    assert "first" not in repr(vars(provider).get("connection"))
    token, _ = talk(provider.token(secret=0), answer(200, {"access_token": "abcdef"}))
    assert "abcdef" not in repr(token)


def test_a_webhook_with_the_right_credentials_passes() -> None:
    bandwidth().verify(call(basic("hook:s\u00e9sam:e")))
    bandwidth().verify(call(basic("hook:s\u00e9sam:e").replace("Basic", "basic")))


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic \u20ac",
        basic(""),
        basic("hook:"),
        basic("hook:s\u00e9sam:"),
        basic("hook:s\u00e9sam:e\n"),
        basic("Hook:s\u00e9sam:e"),
        basic("hook:s\u00e9sam:e".encode("latin-1")),
        basic("hook:s\u00e9sam:e").replace("Basic", "Bearer"),
        basic(b"\xff" * 4096),
    ],
)
def test_a_webhook_with_any_others_does_not(authorization: str | None) -> None:
    with pytest.raises(SignatureMismatch):
        bandwidth().verify(call(authorization))


def test_a_connection_without_webhook_credentials_asks_for_none() -> None:
    provider = bandwidth(webhook_username=None, webhook_password=None)
    provider.verify(call(None))
    provider.verify(call(basic("who:ever")))


def test_the_challenge_is_what_brings_the_credentials() -> None:
    challenge = bandwidth().challenge()
    assert challenge.status == 401
    assert challenge.headers["WWW-Authenticate"].startswith('Basic realm="')


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://messaging.bandwidth.com/api/v2/users/9900000/media/1/0/a.jpg", None),
        (
            "https://messaging.bandwidth.com:443/m/a.jpg?x=1&y=2",
            "https://messaging.bandwidth.com/m/a.jpg?x=1&y=2",
        ),
        ("HTTPS://Messaging.Bandwidth.COM/m/a.jpg", "https://messaging.bandwidth.com/m/a.jpg"),
        ("https://messaging.bandwidth.com/m/a%20b.jpg", None),
        (
            "https://messaging.bandwidth.com/m/a b\u00e9#1.jpg",
            "https://messaging.bandwidth.com/m/a%20b%C3%A9%231.jpg",
        ),
        ("http://127.0.0.1:9100/m/a.jpg", None),
        ("https://127.0.0.1:9100/m/a.jpg", None),
    ],
)
def test_a_part_is_fetched_from_the_connections_own_host(link: str, url: str | None) -> None:
    request = bandwidth().media(link)
    assert (request.method, request.url) == ("GET", url or link)
    assert request.credentials


@pytest.mark.parametrize(
    "link",
    [
        "",
        "messaging.bandwidth.com/a.jpg",
        "//messaging.bandwidth.com/a.jpg",
        "ftp://messaging.bandwidth.com/a.jpg",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://messaging.bandwidth.com/a.jpg",
        "http://messaging.bandwidth.com:443/a.jpg",
        "https://messaging.bandwidth.com:80/a.jpg",
        "https://messaging.bandwidth.com:8443/a.jpg",
        "https://messaging.bandwidth.com:/a.jpg",
        "https://messaging.bandwidth.com:99999999/a.jpg",
        "https://messaging.bandwidth.com.evil.example/a.jpg",
        "https://evil-messaging.bandwidth.com/a.jpg",
        "https://evilmessaging.bandwidth.com/a.jpg",
        "https://messaging.bandwidth.com./a.jpg",
        "https://messaging.bandwidth.com@evil.example/a.jpg",
        "https://messaging.bandwidth.com:443@evil.example/a.jpg",
        "https://user:pass@messaging.bandwidth.com/a.jpg",
        "https://evil.example\\@messaging.bandwidth.com/a.jpg",
        "https://messaging.bandwidth.com\\@evil.example/a.jpg",
        "https://messaging.bandwidth.com\\.evil.example/a.jpg",
        "https://messaging.bandwidth.com#@evil.example/a.jpg",
        "https://evil.example#messaging.bandwidth.com/a.jpg",
        "https://messaging.bandwidth.com%2eevil.example/a.jpg",
        "https://messaging.bandw\u0131dth.com/a.jpg",
        "https://messaging\u3002bandwidth.com/a.jpg",
        "https://messaging.bandwidth.com/a\r\nX: 1",
        "https://messaging.bandwidth.com\t/a.jpg",
        " https://messaging.bandwidth.com/a.jpg",
        "https://messaging.bandwidth.com/a.jpg\n",
        "https:/messaging.bandwidth.com/a.jpg",
        "https:///messaging.bandwidth.com/a.jpg",
        "http://127.0.0.1:9101/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://127.1:9100/a.jpg",
        "http://localhost:9100/a.jpg",
        "http://[::1]:9100/a.jpg",
        "https://169.254.169.254/latest",
        "https://messaging.bandwidth.com/" + "a" * 4096,
    ],
)
def test_a_link_elsewhere_gets_neither_credentials_nor_a_visit(link: str) -> None:
    with pytest.raises(MediaForbidden):
        bandwidth().media(link)
