"""Handsets: the simulator's phones as an inbox, in development."""

import asyncio
import io
import math
from urllib.parse import quote

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.headers import CONTENT
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, Visit
from broker.domain.address import is_e164
from broker.domain.operator import Role
from broker.errors import InvalidField, NotFound
from broker.log import get_logger
from broker.services.phones import DIALS, Phones, Picture, by_phone
from broker.services.thumbnail import LARGE_SIDE, thumbnail

LIST = f"{ROOT}handsets"
LONGEST_TEXT = 1600
_MOST_DIGITS = 9
LONGEST_WAIT_MS = 60_000.0

log = get_logger()


class Handsets:
    """Shows what phones got, replies from them, and turns the simulator's dials. Texts are for who may read them."""

    def __init__(self, pages: Pages, phones: Phones) -> None:
        self._pages = pages
        self._phones = phones

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{phone}}"
        return [
            *gate.get(LIST, self.list),
            *gate.post(f"{LIST}/dials", self.turn),
            *gate.get(one, self.show),
            *gate.get(f"{one}/pictures/{{entry}}/{{index}}", self.picture, needs=Role.CONTENT),
            *gate.post(f"{one}/reply", self.reply),
        ]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/handsets`."""
        last, stand = by_phone(await self._phones.sent()), await self._phones.dials()
        may_see = _may_see(visit)
        shown = [(phone if may_see else _mark(visit, phone), phone, one) for phone, one in last.items()]
        return await self._pages.show(
            visit,
            "handsets.html",
            shown=shown,
            stand=stand,
            dials=DIALS,
            may_see=may_see,
            may_read=visit.may(Role.CONTENT),
        )

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/handsets/{phone}`."""
        sent = await self._phones.sent()
        named = visit.pieces["phone"]
        phone = next((one.phone for one in sent if _mark(visit, one.phone) == named), None) or _phone(visit)
        return await self._pages.show(
            visit,
            "handset.html",
            phone=phone,
            sent=[one for one in sent if one.phone == phone][::-1],
            may_see=_may_see(visit),
            may_read=visit.may(Role.CONTENT),
        )

    async def picture(self, visit: Visit) -> web.Response:
        """Answer `GET /console/handsets/{phone}/pictures/{entry}/{index}`: a picture as the phone shows it."""
        numbers = [visit.pieces[name] for name in ("entry", "index")]
        if not all(one.isascii() and one.isdigit() and len(one) <= _MOST_DIGITS for one in numbers):
            raise NotFound("there is no such picture")
        data = await self._phones.picture(*map(int, numbers))
        drawn = await asyncio.to_thread(thumbnail, io.BytesIO(data), side=LARGE_SIDE)
        return web.Response(body=drawn, headers={**CONTENT, "Content-Type": "image/png"})

    async def reply(self, visit: Visit) -> web.Response:
        """Answer `POST /console/handsets/{phone}/reply`: the phone writes to one of our numbers."""
        phone, to, text = _phone(visit), visit.form.text("to"), visit.form.text("text")
        chosen = visit.form.files.get("picture")
        picture = None
        if chosen is not None and chosen.data:
            picture = Picture(name=chosen.name, content_type=chosen.content_type, data=chosen.data)
        if not is_e164(to) or len(text) > LONGEST_TEXT or not (text or picture):
            raise InvalidField(f"a reply takes a number, and a picture or up to {LONGEST_TEXT} characters")
        await self._phones.reply(phone=phone, to=to, text=text, picture=picture)
        return go_to(f"{LIST}/{quote(phone, safe='')}")

    async def turn(self, visit: Visit) -> web.Response:
        """Answer `POST /console/handsets/dials`."""
        dials = {name: _dial(name, visit.form.text(name)) for name in (*DIALS, "errors")}
        await self._phones.turn(dials)
        log.info("simulator_turned", operator=visit.operator.name)
        return go_to(LIST)


def _may_see(visit: Visit) -> bool:
    """Say whether somebody sees whole numbers: operators too, since they write from phones."""
    return visit.may(Role.CONTENT) or visit.may(Role.OPERATOR)


def _mark(visit: Visit, phone: str) -> str:
    """Return what stands for a phone in the addresses of those who see no whole numbers."""
    return visit.mark("phone", phone)


def _phone(visit: Visit) -> str:
    phone = visit.pieces["phone"]
    if not is_e164(phone):
        raise NotFound("there is no such phone")
    return phone


def _dial(name: str, text: str) -> float:
    try:
        value = float(text or "0")
    except ValueError:
        value = math.nan
    if not 0 <= value <= (LONGEST_WAIT_MS if name == "latency_ms" else 1):
        raise InvalidField("a share is a number from 0 to 1, a wait at most a minute")
    return value
