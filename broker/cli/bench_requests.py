"""The requests that the benchmark sends, as they go over the wire."""

import base64
from collections.abc import Mapping
from urllib.parse import urlencode

from broker.cli.demo_account import SENDER
from broker.cli.load import Make

_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {login}\r\n"
    "Content-Type: application/json\r\nContent-Length: "
)


TEXT = "Your table for two is booked, see you at eight."


def sends(key: str, *, text: str = TEXT) -> Make:
    """Return the maker of plain text messages, each to another number and with a reference of its own."""
    head = _HEAD.format(path="/v1/messages", login=f"Bearer {key}").encode()
    body = f'{{"from":"{SENDER}","to":"+1202555%04d","text":"{text}","reference":"bench-%08d"}}'.encode()
    start = head + b"%d\r\n\r\n" % len(body % (0, 0)) + body
    return lambda number: start % (number % 10_000, number)


def sends_by_password(user: str, password: str) -> Make:
    """Return the maker of the same messages, with Basic credentials instead of a key."""
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    bearer, basic = b"Bearer ", f"Basic {login}".encode()
    make = sends("")
    return lambda number: make(number).replace(bearer, basic, 1)


def ozeki_sends(login: Mapping[str, str], *, key: str = "") -> Make:
    """Return the maker of the same messages as Ozeki's customers send them; `login` stands in the query."""
    fields = {"action": "sendmessage", "originator": SENDER, "messagetype": "SMS:TEXT", "messagedata": TEXT}
    return _gets("/api", {**login, **fields, "recipient": "+1202555"}, key)


def mx_sends(login: Mapping[str, str], *, key: str = "") -> Make:
    """Return the maker of the same messages as MX Telecom's customers send them; `login` stands in the query."""
    fields = {"smsfrom": SENDER.lstrip("+"), "smsmsg": TEXT, "smsto": "1202555"}
    return _gets("/SMSSend", {**login, **fields}, key)


def _gets(path: str, fields: Mapping[str, str], key: str) -> Make:
    """Return the maker of GETs whose last field goes on with four digits, with an API key where there is one."""
    query = urlencode(fields).replace("%", "%%")
    head = f"Authorization: Bearer {key}\r\n" if key else ""
    line = f"GET {path}?{query}%04d HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n"
    return lambda number: (line % (number % 10_000)).encode()


def posts(path: str, user: str, password: str, bodies: list[bytes]) -> Make:
    """Return the maker of webhooks with these bodies, with credentials in the first step."""
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    head = _HEAD.format(path=path, login=f"Basic {login}").encode()
    return lambda number: head + b"%d\r\n\r\n" % len(bodies[number]) + bodies[number]
