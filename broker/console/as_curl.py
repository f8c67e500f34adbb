"""What would look a message up, or send one like it, as commands to copy; keys are left to whoever has them."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from broker.domain.ids import part_id
from broker.domain.logbook import Entry
from broker.domain.message import Message

_LOGIN = '-H "Authorization: Bearer $RINGPOST_KEY"'

_CARRIER_LOGIN = '-H "Authorization: $CARRIER_LOGIN"'


def look_up(message: Message, base: str) -> str:
    """Return the command that looks a message up, for whoever has its account's key."""
    return f"curl {_LOGIN} {shlex.quote(f'{base}/v1/messages/{message.id}')}"


def send(message: Message, base: str) -> str:
    """Return the command that sends a message like this one again, for its account."""
    media = [{"id": part_id(message.id, part.index)} for part in message.parts]
    return command(
        base,
        to=message.recipient,
        sender=message.originator,
        text=message.text,
        subject=message.subject,
        media=media,
    )


def command(
    base: str,
    *,
    to: str | Sequence[str],
    sender: str = "",
    text: str = "",
    subject: str = "",
    media: Sequence[dict[str, str]] = (),
    send_at: str = "",
) -> str:
    """Return the command that sends a message; what is empty is left out."""
    given: dict[str, Any] = {"to": to, "from": sender, "text": text, "subject": subject, "media": media}
    body = {name: value for name, value in {**given, "send_at": send_at}.items() if value}
    written = shlex.quote(orjson.dumps(body, default=list).decode())
    return (
        f"curl {_LOGIN} -H 'Content-Type: application/json' -d {written} {shlex.quote(f'{base}/v1/messages')}"
    )


def repeat(request: Entry) -> str:
    """Return the command that says to a carrier again what the event log kept: what it hid is to be filled in."""
    method, _, url = request.text.partition(" ")
    hidden = {name for name, value in request.headers.items() if value == "***"}
    words = ["curl", "-X", shlex.quote(method), shlex.quote(url)]
    for name, value in request.headers.items():
        if name not in hidden and name != "content-length":
            words += ["-H", shlex.quote(f"{name}: {value}")]
    if not request.headers or "authorization" in hidden:
        words.append(_CARRIER_LOGIN)
    if request.body:
        if "content-type" not in request.headers and request.body.startswith(("{", "[")):
            words += ["-H", shlex.quote("content-type: application/json")]
        words += ["--data-raw", shlex.quote(request.body)]
    return " ".join(words)


def by_hand(body: Mapping[str, Any]) -> str:
    """Return what sends a message from our own command line."""
    to = [body["to"]] if isinstance(body["to"], str) else body["to"]
    options = [("--to", one) for one in to]
    options += [
        (f"--{name}", body[name]) for name in ("from", "text", "subject", "reference") if name in body
    ]
    options += [("--media", one["url"]) for one in body.get("media", ())]
    return " ".join(["./run send", *(f"{name} {shlex.quote(value)}" for name, value in options)])
