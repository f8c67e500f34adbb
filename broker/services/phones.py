"""The simulator's phones: what was sent to each, replies from them, and what the simulator does wrong."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from broker.domain.wire import Request
from broker.errors import Busy, InvalidField, ProviderError
from broker.net.plain import AiohttpClient

TIMEOUT_S = 5.0
LATEST = 500
"""How many of the last sends are looked at."""
DIALS = {
    "latency_ms": "Wait before each answer, in ms",
    "drop_before_accept": "Share whose connection breaks, not taken",
    "accept_then_drop": "Share whose connection breaks, taken",
    "duplicate_events": "Share of reports told twice",
    "reorder_events": "Share of reports in the wrong order",
    "drop_events": "Share of reports never told",
}
"""What can be turned here; everything that the simulator can do is at its own address."""
REFUSED = "503"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message that the simulator was given for a phone; `outcome` says what it made of it.

    `number` is its place in the simulator's journal, `media` are the ends of the links to its parts.
    """

    number: int
    at: str
    phone: str
    sender: str
    text: str
    media: tuple[str, ...]
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture to reply with."""

    name: str
    content_type: str
    data: bytes


class Phones:
    """Asks the simulator. Raises Busy while it does not answer."""

    def __init__(self, simulator_url: str) -> None:
        self._url = simulator_url.rstrip("/")

    async def sent(self) -> list[Sent]:
        """Return what was sent last, to whichever phone, the newest first."""
        total = (await self._ask("GET", "/sim/journal?limit=1"))["total"]
        found = await self._ask("GET", f"/sim/journal?after={max(0, total - LATEST)}&limit={LATEST}")
        sent = [
            _sent(entry, phone)
            for entry in found["entries"]
            for phone in entry["to"]
            if isinstance(phone, str)
        ]
        return sent[::-1]

    async def reply(self, *, phone: str, to: str, text: str, picture: Picture | None) -> None:
        """Have a phone send a message to one of our numbers."""
        media = []
        if picture is not None:
            data = base64.b64encode(picture.data).decode()
            media = [{"name": picture.name, "content_type": picture.content_type, "data": data}]
        await self._ask("POST", "/sim/inbound", {"from": phone, "to": to, "text": text, "media": media})

    async def dials(self) -> dict[str, float]:
        """Return how the dials stand."""
        found = await self._ask("GET", "/sim/faults")
        return {
            **{name: float(found[name] or 0) for name in DIALS},
            "errors": float(found["errors"].get(REFUSED, 0)),
        }

    async def turn(self, dials: Mapping[str, float]) -> None:
        """Turn the dials; those that are not shown here stay as they are."""
        found = await self._ask("GET", "/sim/faults")
        share = dials["errors"]
        errors = {**found["errors"], REFUSED: share}
        if not share:
            del errors[REFUSED]
        await self._ask(
            "PUT", "/sim/faults", {**found, **{name: dials[name] for name in DIALS}, "errors": errors}
        )

    async def picture(self, number: int, index: int) -> bytes:
        """Return what a phone got as a part of a message; raises InvalidField where there is none."""
        return await self._fetch("GET", f"/sim/media?entry={number}&index={index}")

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        return orjson.loads(await self._fetch(method, path, body) or b"{}")

    async def _fetch(self, method: str, path: str, body: Any = None) -> bytes:
        client = AiohttpClient()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = Request(
            method=method,
            url=self._url + path,
            headers=headers,
            body=b"" if body is None else orjson.dumps(body),
        )
        try:
            answer = await client.send(request, timeout_s=TIMEOUT_S)
        except ProviderError as error:
            raise Busy("the simulator does not answer") from error
        finally:
            await client.close()
        if answer.status >= 400:  # noqa: PLR2004
            raise InvalidField("the simulator refuses that")
        return answer.body or b""


def by_phone(sent: Sequence[Sent]) -> dict[str, Sent]:
    """Return the last message to each phone, the phone that got one last first."""
    found: dict[str, Sent] = {}
    for one in sent:
        found.setdefault(one.phone, one)
    return found


def _sent(entry: Mapping[str, Any], phone: str) -> Sent:
    return Sent(
        number=entry["number"],
        at=entry["at"],
        phone=phone,
        sender=entry["from"],
        text=entry["text"],
        media=tuple(str(link).rsplit("/", 1)[-1] for link in entry["media"]),
        outcome=entry["outcome"],
    )
