"""What operators may see of the ledger, and what metrics tell of it."""

from collections.abc import Iterator, Mapping

from aiohttp import web
from prometheus_client.core import GaugeMetricFamily, Metric

from broker.dialects.native.books import balanced, parse_ledger_query
from broker.dialects.native.dialect import credentials_of
from broker.domain.dead import Kind
from broker.domain.operator import Role
from broker.ingress.answers import to_web
from broker.ingress.calls import head
from broker.ingress.router import Router
from broker.services.balance import Balance
from broker.services.signin import SignIn


class LedgerDesk:
    """Answers people who run the broker; each signs in with every request."""

    def __init__(self, sign_in: SignIn, balance: Balance) -> None:
        self._sign_in = sign_in
        self._balance = balance

    def add_to(self, router: Router) -> None:
        """Serve the ledger."""
        router.add("GET", "/v1/ledger", self.show)

    async def show(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/ledger`."""
        call = head(request)
        await self._sign_in.operator(credentials_of(call.headers), needs=Role.VIEWER, peer=call.peer)
        return to_web(balanced(*await self._balance.lines(*parse_ledger_query(call))))


def books_of(figures: Mapping[str, int], *, now_ms: float) -> Iterator[Metric]:
    """Return what the last check of the ledger found, and how many dead letters wait."""
    yield GaugeMetricFamily(
        "broker_ledger_difference",
        "Accepted messages that are nowhere, or that nobody counted, in the last 48 hours.",
        figures.get("ledger_difference", 0),
    )
    places = GaugeMetricFamily(
        "broker_ledger_messages", "Messages of the last 48 hours by where they are.", labels=["place"]
    )
    for place in ("accepted", "waiting", "in_flight", "final", "parked"):
        places.add_metric([place], figures.get(f"ledger_{place}", 0))
    yield places
    checked_ms = figures.get("ledger_checked_ms", 0)
    if checked_ms:  # absent until there was a check, so that nobody takes silence for balance
        yield GaugeMetricFamily(
            "broker_ledger_age_seconds",
            "Time since the ledger was checked.",
            max((now_ms - checked_ms) / 1000, 0),
        )
    letters = GaugeMetricFamily(
        "broker_dead_letters", "Work set aside that waits for somebody.", labels=["kind"]
    )
    for kind in Kind:
        letters.add_metric([kind], figures.get(f"dead_{kind}", 0))
    yield letters
