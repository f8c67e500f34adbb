"""What operators do about workers: let one take no more work, and some again."""

from aiohttp import web

from broker.console.connection_forms import reason_of
from broker.console.gate import Gate, Route
from broker.console.pages import go_to
from broker.console.queues import LIST
from broker.console.visit import ROOT, Visit
from broker.domain.address import mask_within
from broker.log import get_logger
from broker.services.workers import Workers

log = get_logger()


class WorkerForms:
    """Does what the forms beside a worker ask for."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{ROOT}workers/{{name}}"
        return [*gate.post(f"{one}/drain", self.drain), *gate.post(f"{one}/resume", self.resume)]

    async def drain(self, visit: Visit) -> web.Response:
        """Answer `POST /console/workers/{name}/drain`."""
        name, reason = visit.pieces["name"], reason_of(visit)
        await self._workers.drain(name, reason=f"{visit.operator.name}: {reason}")
        return _done("worker_drained", visit, reason)

    async def resume(self, visit: Visit) -> web.Response:
        """Answer `POST /console/workers/{name}/resume`."""
        name, reason = visit.pieces["name"], reason_of(visit)
        await self._workers.resume(name)
        return _done("worker_resumed", visit, reason)


def _done(event: str, visit: Visit, reason: str) -> web.Response:
    name = visit.pieces["name"]
    log.warning(event, operator=visit.operator.name, worker=name, reason=mask_within(reason))
    return go_to(f"{LIST}#workers")
