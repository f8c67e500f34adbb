"""One simulator: its parts, put together, behind one listening socket."""

import re
from collections.abc import Awaitable

import orjson

from broker.domain.wire import Call
from broker.net.opening import open_client
from broker.net.plain import AiohttpClient
from broker.simulator.carrier import Carrier
from broker.simulator.control import Control
from broker.simulator.events import stamp_ms
from broker.simulator.exchange import Reply, refusal, says
from broker.simulator.fate import Fates
from broker.simulator.fetching import Fetcher
from broker.simulator.journal import Journal
from broker.simulator.ledger import Ledger
from broker.simulator.options import Options
from broker.simulator.reports import Reports
from broker.simulator.server import Server
from broker.simulator.shelf import Shelf
from broker.simulator.tokens import TokenDesk
from broker.simulator.webhooks import Poster

TOKEN_PATH = "/api/v1/oauth2/token"  # noqa: S105  (an address, not a secret)
_ANY_ACCOUNT = re.compile(r"/api/v2/users/[^/]+/(messages|media)(/.*)?")


class Simulator:
    """A Bandwidth account that can be asked to misbehave; made while the loop runs."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._root = f"/api/v2/users/{options.account_id}"
        self._creates = f"{self._root}/messages"
        self._media = f"{self._root}/media"
        self._server = Server(self.handle)
        self._journal = Journal(options.journal)
        self._poster = Poster(open_client("lean"), options)
        self._shelf = Shelf()
        self._tokens = TokenDesk(
            client_id=options.client_id,
            secrets_=options.client_secrets,
            user=options.user,
            password=options.password,
            life_s=options.token_life_s,
        )
        self._fetcher = Fetcher(AiohttpClient(), self._shelf, own=lambda: self._control.media_url)
        self._fates = Fates()
        ledger = Ledger(self._journal)
        reports = Reports(self._poster, self._fates, delay_ms=options.event_delay_ms)
        self._carrier = Carrier(
            application=options.application_id,
            ledger=ledger,
            fates=self._fates,
            reports=reports,
            fetcher=self._fetcher,
        )
        self._control = Control(
            ledger=ledger,
            fates=self._fates,
            reports=reports,
            poster=self._poster,
            shelf=self._shelf,
            tokens=self._tokens,
            fetcher=self._fetcher,
        )
        self._control.application_id = options.application_id or "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00"
        self.url = ""

    async def start(self) -> str:
        """Listen, and return the simulator's address."""
        port = await self._server.start(self._options.host, self._options.port)
        self.url = f"http://{self._options.host}:{port}"
        self._control.media_url = f"{self._options.public_url or self.url}{self._media}/"
        if self._options.ready_file is not None:
            self._options.ready_file.write_bytes(orjson.dumps({"url": self.url, "port": port}))
        return self.url

    async def stop(self) -> None:
        """Stop listening, posting and fetching."""
        await self._server.stop()
        await self._poster.close()
        await self._fetcher.close()
        self._journal.close()

    def handle(self, call: Call) -> Reply | Awaitable[Reply]:
        """Answer one request."""
        if call.path == self._creates:
            return self._messages(call)
        if call.path == self._media or call.path.startswith(f"{self._media}/"):
            return self._file(call)
        if call.path.startswith("/sim/"):
            return self._control.handle(call)
        if call.path == TOKEN_PATH and call.method == "POST":
            return self._tokens.give(call, self._fates.faults, self._fates.dice)
        if _ANY_ACCOUNT.fullmatch(call.path):
            return refusal(401, "unauthorized", "The credentials do not open this account.")
        return _not_found(call)

    def _messages(self, call: Call) -> Reply | Awaitable[Reply]:
        if call.method != "POST":
            return refusal(405, "method-not-allowed", "Use POST.")
        if not self._tokens.accepts(call.headers.get("authorization", "")):
            return self._carrier.unauthorised(call)
        return self._carrier.create(call)

    def _file(self, call: Call) -> Reply:
        if not self._tokens.accepts(call.headers.get("authorization", "")):
            return refusal(401, "unauthorized", "The credentials were not accepted.")
        name = call.path.removeprefix(self._media).removeprefix("/")
        return self._shelf.handle(call, name, self._fates.faults, self._fates.dice)


def _not_found(call: Call) -> Reply:
    """Return the carrier's 404, which has another shape than its other errors (bandwidth.md 2.2)."""
    return says(
        {"timestamp": stamp_ms(), "status": 404, "error": "Not Found", "message": "", "path": call.path},
        status=404,
    )
