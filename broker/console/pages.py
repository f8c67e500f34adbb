"""Make pages of templates, off the loop."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from broker import __version__
from broker.console import words
from broker.console.assets import Assets
from broker.console.badges import Badges
from broker.console.headers import PRIVATE
from broker.console.visit import Visit

_HTML = {**PRIVATE, "Content-Type": "text/html; charset=utf-8"}
_REDIRECT = {**PRIVATE, "Content-Length": "0"}


class Pages:
    """Fills templates. Whatever comes from outside is escaped, since every template is."""

    def __init__(
        self, executor: Executor, assets: Assets, *, badges: Badges, flower_url: str, simulated: bool
    ) -> None:
        self._executor = executor
        self.badges = badges
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.filters.update(words.FILTERS)
        self._templates.globals.update(
            asset=assets.url, version=__version__, flower_url=flower_url, simulated=simulated
        )

    async def show(self, visit: Visit, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """Return a page for somebody who is signed in, or a piece of one."""
        return await self.bare(
            template,
            status=status,
            visit=visit,
            theme=visit.theme,
            path=visit.path,
            token=visit.token,
            badges=await self.badges.of_pages(),
            **values,
        )

    async def bare(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> web.Response:
        """Return a page for whoever asks."""
        found = self._templates.get_template(template)
        values.setdefault("badges", {})
        loop = asyncio.get_running_loop()
        text = await loop.run_in_executor(self._executor, lambda: found.render(**values))
        return web.Response(
            status=status, body=text.encode(errors="replace"), headers={**_HTML, **(headers or {})}
        )


def go_to(path: str) -> web.Response:
    """Return the answer that leads a browser on, also after a form, so that going back sends nothing twice."""
    return web.Response(status=303, headers={**_REDIRECT, "Location": path})
