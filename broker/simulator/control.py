"""The simulator's own addresses under /sim: dials, counters, journal, inbound messages."""

import itertools
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from broker.domain.wire import Call
from broker.simulator.exchange import Reply, refusal, says
from broker.simulator.fate import Fates
from broker.simulator.faults import Faults
from broker.simulator.fetching import Fetcher
from broker.simulator.inbound import InboundMessage, arrive
from broker.simulator.ledger import Ledger
from broker.simulator.phones import Phones
from broker.simulator.reports import Reports
from broker.simulator.shelf import Shelf
from broker.simulator.tokens import TokenDesk
from broker.simulator.webhooks import Poster, Target

_PAGE = 1000
_LONGEST_PAGE = 100_000


class WebhookTarget(BaseModel):
    """Where webhooks go from now on: to one address, or to several in turn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | tuple[str, ...]
    user: str = ""
    password: str = ""


class Control:
    """Answer requests under /sim."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        fates: Fates,
        reports: Reports,
        poster: Poster,
        shelf: Shelf,
        tokens: TokenDesk,
        fetcher: Fetcher,
    ) -> None:
        self._ledger = ledger
        self._fates = fates
        self._reports = reports
        self._poster = poster
        self._shelf = shelf
        self._tokens = tokens
        self._fetcher = fetcher
        self.media_url = ""
        self._phones = Phones(ledger.journal, shelf, media_url=lambda: self.media_url)
        self.application_id = ""
        self._routes = {
            ("GET", "/sim/stats"): self._stats,
            ("GET", "/sim/journal"): self._page,
            ("GET", "/sim/phones"): self._said,
            ("GET", "/sim/phones/seen"): lambda _: says({"seen": self._phones.seen}),
            ("GET", "/sim/media"): self._media,
            ("GET", "/sim/faults"): lambda _: says(self._fates.faults.model_dump(mode="json")),
            ("PUT", "/sim/faults"): self._turn,
            ("PUT", "/sim/webhook"): self._aim,
            ("GET", "/sim/fetches"): lambda _: says({"fetches": list(self._fetcher.found)}),
            ("POST", "/sim/inbound"): self._inbound,
            ("DELETE", "/sim/state"): self._clear,
        }

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        route = self._routes.get((call.method, call.path))
        if route is None:
            return refusal(404, "not-found", "There is no such address.")
        try:
            return route(call)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            return refusal(400, "request-validation", wrong)
        except ValueError as error:
            return refusal(400, "request-validation", str(error))

    def _stats(self, _: Call) -> Reply:
        ledger, tally = self._ledger, self._poster.tally
        duplicates = {ident: count for ident, count in ledger.taken.items() if count > 1}
        return says(
            {
                "creates": sum(ledger.statuses.values()),
                "accepted": ledger.statuses[202],
                "by_status": {str(status): count for status, count in ledger.statuses.items()},
                "by_outcome": dict(ledger.outcomes),
                "distinct": len(ledger.taken),
                "duplicates": len(duplicates),
                "duplicate_creates": sum(duplicates.values()) - len(duplicates),
                "duplicate_ids": list(itertools.islice(duplicates, 100)),
                "tokens": {"given": self._tokens.given, "refused": self._tokens.refused},
                "uploads": self._shelf.uploads,
                "downloads": self._shelf.downloads,
                "webhooks": {
                    "posts": tally.posts,
                    "sent": tally.sent,
                    "acked": tally.acked,
                    "retried": tally.retried,
                    "failed": tally.failed,
                    "nowhere": tally.nowhere,
                    "dropped": self._reports.dropped,
                    "pending": self._poster.pending,
                    "planned": self._reports.planned,
                },
            }
        )

    def _page(self, call: Call) -> Reply:
        query = dict(call.query)
        after, limit = int(query.get("after", "0")), int(query.get("limit", str(_PAGE)))
        entries = self._ledger.journal.after(after, min(max(limit, 1), _LONGEST_PAGE))
        return says(
            {
                "entries": [entry.shown() for entry in entries],
                "last": entries[-1].number if entries else after,
                "total": self._ledger.journal.next_number - 1,
            }
        )

    def _said(self, call: Call) -> Reply:
        said = self._phones.said(dict(call.query).get("phone", ""))
        return says({"seen": self._phones.seen, "said": said})

    def _media(self, call: Call) -> Reply:
        """Return a file of a message that a phone got, or wrote, if it is of our own store."""
        query = dict(call.query)
        number, index = int(query.get("entry", "0")), int(query.get("index", "0"))
        item = self._phones.file(query.get("way", "got"), number, index)
        if item is None:
            return refusal(404, "not-found", "There is no such media.")
        return Reply(body=item.data, content_type=item.content_type)

    def _turn(self, call: Call) -> Reply:
        faults = Faults.model_validate_json(call.body or b"{}")
        self._fates.turn(faults)
        self._shelf.renew_faults()
        self._poster.login(faults.webhook_auth)
        if faults.revoke_tokens:
            self._tokens.revoke()
        return says(faults.model_dump(mode="json"))

    def _aim(self, call: Call) -> Reply:
        wanted = WebhookTarget.model_validate_json(call.body)
        urls = (wanted.url,) if isinstance(wanted.url, str) else wanted.url
        auth = self._poster.target.auth
        self._poster.target = Target(
            urls=tuple(filter(None, urls)), user=wanted.user, password=wanted.password, auth=auth
        )
        return says({"url": wanted.url})

    def _inbound(self, call: Call) -> Reply:
        message = InboundMessage.model_validate_json(call.body)
        idents: list[str] = []
        links: list[str] = []
        for _ in range(message.count):
            found, own = arrive(
                message, self._shelf, media_url=self.media_url, application_id=self.application_id
            )
            self._poster.put(found)
            self._phones.wrote(message, own[: len(message.media)])
            idents += [event["message"]["id"] for event in found]
            links += own
        answer: dict[str, Any] = {"id": idents[0], "ids": idents, "media": links}
        return says(answer, status=202)

    def _clear(self, _: Call) -> Reply:
        self._ledger.clear()
        self._poster.clear()
        self._phones.clear()
        self._shelf.clear()
        self._tokens.given = self._tokens.refused = 0
        return Reply(status=204)
