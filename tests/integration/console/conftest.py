"""A running ingress with a console, and people who sign in to it."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, ClientTimeout, CookieJar

from broker.ingress.serving import serving
from broker.settings import Settings
from broker.storage.database import Database
from tests.integration.console.handheld import simulating
from tests.integration.ingress.conftest import DOCUMENT
from tests.prepared import prepare

PEOPLE = [
    {"name": "vera", "password": "looks at it", "role": "viewer"},
    {"name": "connie", "password": "reads it too", "role": "content"},
    {"name": "oscar", "password": "acts on it", "role": "operator"},
    {"name": "ada", "password": "does it all", "role": "admin"},
]
WITH_PEOPLE: dict[str, Any] = {**DOCUMENT, "operators": PEOPLE}
PASSWORDS = {person["name"]: person["password"] for person in PEOPLE}
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


@dataclass(kw_only=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Any

    @property
    def seen(self) -> str:
        """The words of the page, without its tags."""
        return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self.text)))


@dataclass(kw_only=True)
class Person:
    """Somebody at a browser."""

    url: str
    client: ClientSession
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str = "/console/", **options: Any) -> Answer:
        """Open a page."""
        async with self.client.get(self.url + path, allow_redirects=False, **options) as answer:
            return await _read(answer)

    async def post(self, path: str, data: Any = None, *, origin: str | None = "", **headers: str) -> Answer:
        """Send a form as a browser does: with an origin, and with the token of the page that it is on."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers |= {} if origin is None else {"Origin": origin or self.url}
        sent = {"token": self.token, **(data or {})} if data is None or isinstance(data, dict) else data
        async with self.client.post(
            self.url + path, data=sent, headers=headers, allow_redirects=False
        ) as answer:
            return await _read(answer)

    async def sent(self, path: str, data: Any = None) -> Answer:
        """Send a form that leads on, and return the page that it leads to, which can be loaded again."""
        answer = await self.post(path, data)
        assert answer.status == 303, answer.seen
        page = await self.get(answer.headers["Location"].partition("#")[0])
        assert page.status == 200, page.seen
        return page

    async def sign_in(self, name: str = "vera", password: str = "") -> Answer:
        """Sign in at the page for it, and take the token of the first page."""
        page = await self.get("/console/sign-in")
        self.token = _TOKEN.findall(page.text)[0]
        form = {"name": name, "password": password or PASSWORDS.get(name, ""), "next": "/console/"}
        answer = await self.post("/console/sign-in", form)
        found = _TOKEN.findall((await self.get()).text)
        self.token = found[0] if found else ""
        return answer


async def _read(answer: ClientResponse) -> Answer:
    return Answer(status=answer.status, text=await answer.text(), headers=answer.headers)


@dataclass(kw_only=True)
class Console:
    """A running console."""

    url: str
    settings: Settings
    database: Database
    opened: list[ClientSession] = field(default_factory=list)

    def somebody(self) -> Person:
        """A browser without a session."""
        client = ClientSession(timeout=ClientTimeout(total=20), cookie_jar=CookieJar(unsafe=True))
        self.opened.append(client)
        return Person(url=self.url, client=client)

    async def person(self, name: str = "vera") -> Person:
        """Somebody who is signed in."""
        one = self.somebody()
        answer = await one.sign_in(name)
        assert answer.status == 303, answer.seen
        return one


Opening = Callable[..., AbstractAsyncContextManager[Console]]


@pytest.fixture
def opening(make_settings: Callable[..., Settings]) -> Opening:
    """Run a console for a while: `async with opening() as console`, with settings by name."""

    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[Console]:
        settings = make_settings(**changes)
        prepare(settings, WITH_PEOPLE)
        database = Database(settings.database)
        async with serving(settings) as port:
            one = Console(url=f"http://127.0.0.1:{port}", settings=settings, database=database)
            try:
                yield one
            finally:
                for client in one.opened:
                    await client.close()
                database.close()

    return run


@pytest.fixture
async def console(opening: Opening) -> AsyncIterator[Console]:
    """A console with the usual settings."""
    async with opening() as one:
        yield one


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """A simulator's address."""
    async with simulating() as one:
        yield one
