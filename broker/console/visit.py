"""One request of somebody who is signed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from aiohttp import web

from broker.console.forms import Form
from broker.domain.operator import Operator, Role

ROOT = "/console/"
THEMES = ("light", "dark")
THEME_COOKIE = "ringpost-theme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who asks for what. `pieces` are the named parts of the path, `form` is what a POST brought along."""

    request: web.BaseRequest
    operator: Operator
    token: str = field(repr=False)
    pieces: Mapping[str, str] = field(default_factory=dict)
    form: Form = field(default_factory=Form)

    @property
    def path(self) -> str:
        """The path with its query, for forms that come back to it; after a form the list, since forms have no page."""
        if self.request.method == "POST":
            return ROOT + self.request.rel_url.raw_path.removeprefix(ROOT).partition("/")[0]
        return self.request.rel_url.raw_path_qs

    @property
    def theme(self) -> str:
        """The theme that the person chose; empty: the system's."""
        return theme_of(self.request)

    @property
    def query(self) -> Mapping[str, str]:
        """The query; of several values with one name the last counts."""
        return {name: value.strip() for name, value in self.request.query.items()}

    def mark(self, *words: str) -> str:
        """Return what an address bears that this session was shown: what has none is asked for by nobody's page."""
        return blake2b("\0".join(words).encode(), key=self.token.encode()[:64], digest_size=16).hexdigest()

    def may(self, role: str) -> bool:
        """Say whether the person may do what takes a role."""
        return self.operator.may(Role(role))


def theme_of(request: web.BaseRequest) -> str:
    """Return the theme that a browser was told to keep."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


def within(path: str) -> str:
    """Return a path if it is one of the console's, else the first page: no form leads out of here."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith(ROOT) else ROOT
