"""The simulator's phones: what was said with each, replies from them, and what the simulator does wrong."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from broker.domain.layout import UNREADABLE, sources
from broker.domain.media import kind_of
from broker.domain.message import Part, PartKind
from broker.domain.wire import Request
from broker.errors import Busy, InvalidField, ProviderError
from broker.net.plain import AiohttpClient
from broker.services.smil import part_named

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A part of a message: `text` is what it says, if it is one. Of one that lies elsewhere there is no `size`."""

    index: int
    name: str
    content_type: str
    size: int | None
    text: str | None

    @property
    def kind(self) -> PartKind:
        """What it is for."""
        return kind_of(self.content_type, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """A message that a phone got from `other`, or wrote to it; `outcome` says what the simulator made of it.

    `number` is its place in the simulator's record of its way.
    """

    way: str
    number: int
    at: str
    phone: str
    other: str
    text: str
    files: tuple[File, ...]
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

    async def said(self, phone: str = "") -> list[Saying]:
        """Return what was said last, the oldest first: with whichever phone, or with one."""
        found = await self._ask("GET", f"/sim/phones?{urlencode({'phone': phone})}")
        return [_saying(one) for one in found["said"]]

    async def seen(self) -> str:
        """Return a name for how much was said, which changes when there is more."""
        return str((await self._ask("GET", "/sim/phones/seen"))["seen"])

    async def reply(self, *, phone: str, to: str, text: str, picture: Picture | None) -> None:
        """Have a phone send a message to one of our numbers."""
        media = []
        if picture is not None:
            data = base64.b64encode(picture.data).decode()
            media = [{"name": picture.name, "content_type": picture.content_type, "data": data}]
        await self._ask("POST", "/sim/inbound", {"from": phone, "to": to, "text": text, "media": media})

    async def faults(self) -> dict[str, Any]:
        """Return how every dial stands."""
        return dict(await self._ask("GET", "/sim/faults"))

    async def turn(self, dials: Mapping[str, Any]) -> None:
        """Turn dials; the others stay as they are."""
        await self._ask("PUT", "/sim/faults", {**await self.faults(), **dials})

    async def calm(self) -> None:
        """Turn every dial off."""
        await self._ask("PUT", "/sim/faults", {})

    async def data(self, way: str, number: int, index: int) -> bytes:
        """Return a part of a message; raises InvalidField where there is none."""
        which = urlencode({"way": way, "entry": number, "index": index})
        return await self._fetch("GET", f"/sim/media?{which}")

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


def by_phone(said: Sequence[Saying]) -> dict[str, Saying]:
    """Return the last message of each phone, the phone with the newest first."""
    found: dict[str, Saying] = {}
    for one in reversed(said):
        found.setdefault(one.phone, one)
    return found


def _saying(told: Mapping[str, Any]) -> Saying:
    files = tuple(File(index=index, **one) for index, one in enumerate(told["media"]))
    return Saying(**{name: told[name] for name in told if name != "media"}, files=_laid_out(files))


def _laid_out(files: Sequence[File]) -> tuple[File, ...]:
    """Return files in the order in which a layout among them names them, without it; the others after them."""
    layout = next((one for one in files if one.kind is PartKind.LAYOUT and one.text), None)
    try:
        named = sources(layout.text.encode()) if layout and layout.text else None
    except UNREADABLE:
        named = None
    if named is None:
        return tuple(files)
    waiting = {
        one.index: Part(index=one.index, name=one.name, content_type=one.content_type)
        for one in files
        if one is not layout
    }
    order = []
    for source in named:
        part = part_named(list(waiting.values()), source)
        if part is not None:
            order.append(waiting.pop(part.index).index)
    return tuple(files[index] for index in (*order, *waiting))
