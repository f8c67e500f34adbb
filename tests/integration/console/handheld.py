"""A simulator whose phones got something, for the console to show, some of it by people who mean harm."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, encode_basic_auth

from broker.simulator.options import Options
from broker.simulator.simulator import Simulator
from tests.integration.console.filling import HOSTILE, NUMBER, picture

OURS = "+12025550150"
_LOGIN = {"Authorization": encode_basic_auth("user", "password")}
_CARD = b"BEGIN:VCARD\r\nFN:Anna\r\nEND:VCARD\r\n"


@asynccontextmanager
async def simulating() -> AsyncIterator[str]:
    """Run a simulator whose account takes a name and a password, and yield its address."""
    one = Simulator(Options(port=0, user="user", password="password"))
    try:
        yield await one.start()
    finally:
        await one.stop()


async def store(simulator: str, name: str, data: bytes, content_type: str) -> str:
    """Put a file into the account's store, and return its link."""
    link = f"{simulator}/api/v2/users/9900000/media/{name}"
    headers = {**_LOGIN, "Content-Type": content_type}
    async with ClientSession() as client, client.put(link, data=data, headers=headers) as answer:
        assert answer.status == 204, await answer.text()
    return link


async def send(simulator: str, *, to: str = NUMBER, text: str = HOSTILE, media: tuple[str, ...] = ()) -> None:
    """Send a phone a message, as a broker does."""
    body = {"applicationId": "app-1", "to": [to], "from": OURS, "text": text, "media": list(media)}
    address = f"{simulator}/api/v2/users/9900000/messages"
    async with ClientSession() as client, client.post(address, json=body, headers=_LOGIN) as answer:
        assert answer.status == 202, await answer.text()


async def answer_back(simulator: str, *, phone: str = NUMBER, text: str = HOSTILE) -> None:
    """Have a phone write to us."""
    body = {"from": phone, "to": OURS, "text": text}
    async with ClientSession() as client, client.post(f"{simulator}/sim/inbound", json=body) as answer:
        assert answer.status == 202, await answer.text()


async def fill_phones(simulator: str) -> None:
    """Have one phone get a text and a message with a picture and a card, and answer."""
    await send(simulator)
    files = (("1-look.png", picture(), "image/png"), ("2-anna.vcf", _CARD, "text/vcard"))
    await send(simulator, media=tuple([await store(simulator, *file) for file in files]))
    await answer_back(simulator)
