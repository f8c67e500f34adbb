"""The door for carriers: verify, make it ours, acknowledge."""

from datetime import UTC, datetime

from aiohttp import web

from broker.errors import AdmissionError, Busy, SignatureMismatch
from broker.ingress.answers import to_web
from broker.ingress.calls import check, head, read_body
from broker.ingress.carriers import Carriers
from broker.ingress.metrics import WEBHOOK_IN, Meter
from broker.ingress.router import PIECES
from broker.ingress.spool import Spool
from broker.keyspace.arrivals import Arrivals
from broker.keyspace.content import Webhook
from broker.log import get_logger
from broker.providers.basic import NoCredentials
from broker.services.refusals import Refusals
from broker.tracing import Tracing

log = get_logger()


class Webhooks:
    """Takes what carriers post; nothing is parsed here, and an answer is given within two seconds."""

    def __init__(
        self,
        carriers: Carriers,
        arrivals: Arrivals,
        spool: Spool,
        refusals: Refusals,
        *,
        meter: Meter,
        limit: int,
        patience_s: float,
        tracing: Tracing | None = None,
    ) -> None:
        self._carriers = carriers
        self._arrivals = arrivals
        self._spool = spool
        self._refusals = refusals
        self._meter = meter
        self._limit = limit
        self._patience_s = patience_s
        self._tracing = tracing

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /webhooks/{connection}`.

        Raises:
            NotFound: there is no such connection.
            Busy: neither Redis nor the disk takes it; the carrier will repeat it.
        """
        name = request[PIECES]["connection"]
        provider = await self._carriers.find(name)
        check(request, self._limit)
        try:
            provider.verify(head(request))
        except SignatureMismatch as error:
            self._count(name, "challenged" if isinstance(error, NoCredentials) else "refused")
            challenge = provider.challenge()
            self._refusals.count(name, f"{challenge.status}, {error}")
            return to_web(challenge)
        body = await read_body(request, limit=self._limit, patience_s=self._patience_s)
        here = "" if self._tracing is None else self._tracing.here()
        webhook = Webhook(connection=name, body=body, at=datetime.now(UTC), trace=here)
        try:
            await self._arrivals.arrive(webhook)
            self._count(name, "taken")
        except AdmissionError:
            await self._keep(webhook)
        return to_web(provider.acknowledge())

    async def _keep(self, webhook: Webhook) -> None:
        try:
            await self._spool.append(webhook)
        except OSError as error:
            log.error("webhook_not_spooled", connection=webhook.connection, reason=type(error).__name__)
            self._count(webhook.connection, "lost")
            raise Busy("the webhook cannot be kept now") from error
        self._count(webhook.connection, "spooled")

    def _count(self, connection: str, verdict: str) -> None:
        self._meter.count(WEBHOOK_IN, connection, verdict)
