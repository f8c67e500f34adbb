"""Commands about messages: send one, list them, show one, follow them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broker.cli import printing
from broker.cli.client import Api

_POLL_S = 0.2
_TAIL_S = 1.0
_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What `send` was asked for. A medium is a file's name, a URL, or `id:` and the id of an upload."""

    to: list[str]
    originator: str | None = None
    text: str | None = None
    subject: str | None = None
    media: list[str] = field(default_factory=list)
    group: bool = False
    priority: str | None = None
    reference: str | None = None


def send(api: Api, outgoing: Outgoing, *, wait_s: float, json: bool) -> bool:
    """Send, follow to a final state where `wait_s` says so, and say whether all went well."""
    answer = api.send(*request(outgoing))
    ids = [answer["id"]] if "id" in answer else [row["id"] for row in answer["messages"]]
    if not wait_s:
        if printing.as_json(json):
            printing.line(answer)
        else:
            print("\n".join(f"accepted {found}" for found in ids))
        return True
    deadline = time.monotonic() + wait_s
    ends = [follow(api, found, until=deadline) for found in ids]
    for message in ends:
        _print(message, mask=False, json=json)
    return all(message["status"] in printing.GOOD for message in ends)


def request(outgoing: Outgoing) -> tuple[dict[str, Any], list[Path]]:
    """Return the native API's request, and the files that go with it."""
    files = [
        Path(medium) for medium in outgoing.media if not medium.startswith(("http://", "https://", "id:"))
    ]
    named = [
        {"id": medium.removeprefix("id:")} if medium.startswith("id:") else {"url": medium}
        for medium in outgoing.media
        if medium.startswith(("http://", "https://", "id:"))
    ]
    message = {
        "to": outgoing.to[0] if len(outgoing.to) == 1 and not outgoing.group else outgoing.to,
        "from": outgoing.originator,
        "text": outgoing.text,
        "subject": outgoing.subject,
        "media": named,
        "group": outgoing.group,
        "priority": outgoing.priority,
        "reference": outgoing.reference,
    }
    return {name: value for name, value in message.items() if value}, files


def follow(api: Api, message_id: str, *, until: float) -> dict[str, Any]:
    """Return a message once it is final, or as it is when the time is over (a monotonic clock's)."""
    while True:
        message = api.message(message_id)
        if message["status"] in printing.FINAL or time.monotonic() > until:
            return message
        time.sleep(_POLL_S)


def show_page(api: Api, filters: Mapping[str, str | int | None], *, mask: bool, json: bool) -> None:
    """Print one page of messages, newest first."""
    page = api.get("/v1/messages", **filters)
    for message in page["data"]:
        _print(message, mask=mask, json=json)
    if page["next_cursor"] and not printing.as_json(json):
        print(f"more: --cursor {page['next_cursor']}")


def tail(api: Api, filters: Mapping[str, str | int | None], *, mask: bool, json: bool) -> None:
    """Print every message as it comes, and again whenever its status changes, until interrupted."""
    before: dict[str, str] | None = None
    while True:
        page = api.get("/v1/messages", **{**filters, "limit": _PAGE})["data"]
        for message in reversed(page):
            if before is not None and before.get(message["id"]) != message["status"]:
                _print(message, mask=mask, json=json)
        before = {message["id"]: message["status"] for message in page}
        time.sleep(_TAIL_S)


def _print(message: Mapping[str, Any], *, mask: bool, json: bool) -> None:
    if printing.as_json(json):
        printing.line(message)
    else:
        print(printing.summary(message, mask=mask), flush=True)
