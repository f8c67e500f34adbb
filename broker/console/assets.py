"""Style sheet, scripts and icon, under names that change with what is in them."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiohttp import web

from broker.console.headers import SECURITY
from broker.errors import NotFound

ROOT = "/console/assets/"
_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {**SECURITY, "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asset:
    content_type: str
    plain: bytes
    packed: bytes


class Assets:
    """Holds every asset in memory, packed once: a name with a hash may be kept by browsers for good."""

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}
        self._assets: dict[str, _Asset] = {}
        for path in sorted(_FOLDER.iterdir()):
            data = path.read_bytes()
            name = f"{path.stem}.{sha256(data).hexdigest()[:12]}{path.suffix}"
            self._urls[path.name] = ROOT + name
            self._assets[name] = _Asset(
                content_type=_TYPES[path.suffix], plain=data, packed=gzip.compress(data, mtime=0)
            )

    def url(self, name: str) -> str:
        """Return the address of an asset."""
        return self._urls[name]

    def answer(self, request: web.BaseRequest, name: str) -> web.Response:
        """Return an asset.

        Raises:
            NotFound: there is none of this name, with this hash.
        """
        asset = self._assets.get(name)
        if asset is None:
            raise NotFound("there is no such file")
        headers = {**_HEADERS, "Content-Type": asset.content_type}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=asset.packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=asset.plain, headers=headers)
