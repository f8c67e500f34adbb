"""Handsets: the simulator's phones as an inbox, in development."""

import asyncio
import io
from typing import Any
from urllib.parse import quote

from aiohttp import web

from broker.console.dials import DIALS, GROUPS, turned
from broker.console.gate import Gate, Route
from broker.console.headers import CONTENT
from broker.console.live import Live
from broker.console.pages import Pages, go_to
from broker.console.visit import ROOT, Visit
from broker.domain.address import is_e164, with_plus
from broker.domain.operator import Role
from broker.errors import InvalidField, NotFound
from broker.log import get_logger
from broker.services.phones import File, Phones, Picture, by_phone
from broker.services.thumbnail import LARGE_SIDE, thumbnail

LIST = f"{ROOT}handsets"
LONGEST_TEXT = 1600

log = get_logger()


class Handsets:
    """Shows what was said with phones, writes from them, and turns the simulator's dials.

    Texts are for who may read them; numbers for them and for operators.
    """

    def __init__(self, pages: Pages, phones: Phones, live: Live) -> None:
        self._pages = pages
        self._phones = phones
        self._live = live

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here; a HEAD has no stream."""
        one = f"{LIST}/{{phone}}"
        file = "{way}/{entry}/{index}"
        return [
            *gate.get(LIST, self.list),
            *gate.get(f"{LIST}-live", self.stream)[:1],
            *gate.post(f"{LIST}/dials", self.turn),
            *gate.get(one, self.show),
            *gate.get(f"{one}/pictures/{file}", self.picture, needs=Role.CONTENT),
            *gate.get(f"{one}/files/{file}", self.file, needs=Role.CONTENT),
            *gate.post(f"{one}/reply", self.reply),
        ]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/handsets`; with `phone`, lead to that one."""
        if asked := visit.query.get("phone"):
            return go_to(f"{LIST}/{quote(_number(asked), safe='')}")
        last, piece = by_phone(await self._phones.said()), "piece" in visit.query
        may_see = _may_see(visit)
        return await self._pages.show(
            visit,
            "handsets_now.html" if piece else "handsets.html",
            shown=[(phone if may_see else _mark(visit, phone), phone, one) for phone, one in last.items()],
            **({} if piece else await self._dials()),
            may_see=may_see,
            may_read=visit.may(Role.CONTENT),
        )

    async def stream(self, visit: Visit) -> web.StreamResponse:
        """Answer `GET /console/handsets-live`."""

        async def look() -> tuple[str, str]:
            return await self._phones.seen(), "said"

        return await self._live.tell(visit, "changed", look)

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/handsets/{phone}`; with `piece`, only what was said."""
        said, named = await self._phones.said(), visit.pieces["phone"]
        phone = next((one.phone for one in said if _mark(visit, one.phone) == named), None) or _phone(visit)
        mine = [one for one in said if one.phone == phone]
        got = [one.other for one in (*said, *mine) if one.way == "got"]
        return await self._pages.show(
            visit,
            "handset_now.html" if "piece" in visit.query else "handset.html",
            phone=phone,
            name=named,
            said=mine,
            to=got[-1] if got else "",
            ours=sorted(set(got)),
            may_see=_may_see(visit),
            may_read=visit.may(Role.CONTENT),
        )

    async def picture(self, visit: Visit) -> web.Response:
        """Answer `GET …/pictures/{way}/{entry}/{index}`: a picture as the phone shows it."""
        _, data = await self._data(visit)
        drawn = await asyncio.to_thread(thumbnail, io.BytesIO(data), side=LARGE_SIDE)
        return web.Response(body=drawn, headers={**CONTENT, "Content-Type": "image/png"})

    async def file(self, visit: Visit) -> web.Response:
        """Answer `GET …/files/{way}/{entry}/{index}`: a part as it is, to be kept and not shown."""
        file, data = await self._data(visit)
        headers = {
            **CONTENT,
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        }
        return web.Response(body=data, headers=headers)

    async def _data(self, visit: Visit) -> tuple[File, bytes]:
        """Return a part of a message of the phone's.

        Raises:
            NotFound: it has no such part, or none that the simulator keeps.
        """
        way, entry, index = (visit.pieces[name] for name in ("way", "entry", "index"))
        for one in await self._phones.said(_phone(visit)):
            for file in one.files:
                if (one.way, str(one.number), str(file.index)) == (
                    way,
                    entry,
                    index,
                ) and file.size is not None:
                    return file, await self._phones.data(way, one.number, file.index)
        raise NotFound("there is no such part")

    async def reply(self, visit: Visit) -> web.Response:
        """Answer `POST /console/handsets/{phone}/reply`: the phone writes to one of our numbers."""
        phone, to, text = _phone(visit), with_plus(visit.form.text("to")), visit.form.text("text")
        chosen = visit.form.files.get("picture")
        picture = None
        if chosen is not None and chosen.data:
            picture = Picture(name=chosen.name, content_type=chosen.content_type, data=chosen.data)
        if not is_e164(to) or len(text) > LONGEST_TEXT or not (text or picture):
            raise InvalidField(f"a reply takes a number, and a picture or up to {LONGEST_TEXT} characters")
        await self._phones.reply(phone=phone, to=to, text=text, picture=picture)
        return go_to(f"{LIST}/{quote(phone, safe='')}")

    async def turn(self, visit: Visit) -> web.Response:
        """Answer `POST /console/handsets/dials`: a field that is missing is a dial at rest."""
        if visit.form.text("all") == "off":
            await self._phones.calm()
        else:
            await self._phones.turn({dial.name: dial.read(visit.form.text(dial.name)) for dial in DIALS})
        log.info("simulator_turned", operator=visit.operator.name)
        return go_to(LIST)

    async def _dials(self) -> dict[str, Any]:
        faults = await self._phones.faults()
        return {
            "groups": GROUPS,
            "turned": turned(faults),
            "stand": {dial.name: dial.shown(faults[dial.name]) for dial in DIALS},
        }


def _may_see(visit: Visit) -> bool:
    """Say whether somebody sees whole numbers: operators too, since they write from phones."""
    return visit.may(Role.CONTENT) or visit.may(Role.OPERATOR)


def _mark(visit: Visit, phone: str) -> str:
    """Return what stands for a phone in the addresses of those who see no whole numbers."""
    return visit.mark("phone", phone)


def _number(text: str) -> str:
    number = with_plus(text.replace(" ", ""))
    if not is_e164(number):
        raise InvalidField("a phone is a number with its plus, as +12025550101")
    return number


def _phone(visit: Visit) -> str:
    phone = visit.pieces["phone"]
    if not is_e164(phone):
        raise NotFound("there is no such phone")
    return phone
