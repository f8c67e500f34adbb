"""What operators do about connections: stop them, let them go on, change their rates, try them."""

from urllib.parse import quote

from aiohttp import web

from broker.console.connections import LIST
from broker.console.gate import Gate, Handler, Route
from broker.console.numbers import moment
from broker.console.pages import go_to
from broker.console.visit import ROOT, Visit
from broker.dialects.native.connections import rate_of, trial
from broker.domain.address import mask_within
from broker.domain.ids import is_id
from broker.domain.usage import Rate, Stop
from broker.errors import InvalidField, MissingField
from broker.log import get_logger
from broker.services.connections import Connections
from broker.services.trial import Trial

LONGEST_REASON = 200
LONGEST_TEXT = 1000
_LONGEST = 64

log = get_logger()


class ConnectionForms:
    """Does what the forms of a connection's page ask for."""

    def __init__(self, connections: Connections, trial: Trial) -> None:
        self._connections = connections
        self._trial = trial

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{name}}"
        return [
            *(route for how in Stop for route in gate.post(f"{one}/{how}", self._stop(how))),
            *gate.post(f"{one}/resume", self.resume),
            *gate.post(f"{one}/reset-circuit", self.reset),
            *gate.post(f"{one}/rate", self.rate),
            *gate.post(f"{one}/test", self.try_out),
        ]

    def _stop(self, how: Stop) -> Handler:
        """Return what answers `POST /console/connections/{name}/pause`, `/hold` and `/drain`."""

        async def stop(visit: Visit) -> web.Response:
            name, reason = visit.pieces["name"], reason_of(visit)
            told, until = f"{visit.operator.name}: {reason}", moment(visit.form.text("until"))
            await self._connections.stop(name, how, reason=told, until=until)
            _log("connection_stopped", visit, how=str(how), reason=mask_within(reason))
            return _back(name)

        return stop

    async def resume(self, visit: Visit) -> web.Response:
        """Answer `POST /console/connections/{name}/resume`."""
        name, reason = visit.pieces["name"], reason_of(visit)
        await self._connections.resume(name)
        _log("connection_resumed", visit, reason=mask_within(reason))
        return _back(name)

    async def reset(self, visit: Visit) -> web.Response:
        """Answer `POST /console/connections/{name}/reset-circuit`."""
        name, reason = visit.pieces["name"], reason_of(visit)
        await self._connections.reset(name)
        _log("connection_circuit_reset", visit, reason=mask_within(reason))
        return _back(name)

    async def rate(self, visit: Visit) -> web.Response:
        """Answer `POST /console/connections/{name}/rate`: an empty field means as much as it can."""
        name, reason = visit.pieces["name"], reason_of(visit)
        change = Rate(mps=_rate(visit, "mps"), sender_mps=_rate(visit, "sender_mps"))
        await self._connections.rate(name, change)
        _log(
            "connection_rate_changed",
            visit,
            mps=change.mps,
            sender_mps=change.sender_mps,
            reason=mask_within(reason),
        )
        return _back(name)

    async def try_out(self, visit: Visit) -> web.Response:
        """Answer `POST /console/connections/{name}/test`: sent twice, the same form sends one message."""
        name, form = visit.pieces["name"], visit.form
        await self._connections.one(name)
        for field, longest in (("account", _LONGEST), ("to", _LONGEST), ("text", LONGEST_TEXT)):
            if not form.text(field) or len(form.text(field)) > longest:
                raise MissingField(f"{field} is required, with at most {longest} characters")
        if not is_id(once := form.text("once")):
            raise InvalidField("this form is not one of ours")
        draft = trial(
            name,
            to=form.text("to"),
            originator=form.text("sender")[:_LONGEST],
            text=form.text("text"),
            by=visit.operator.name,
            key=once,
        )
        message_id = await self._trial.send(form.text("account"), draft)
        _log("connection_tested", visit, message_id=message_id)
        return go_to(f"{ROOT}messages/{message_id}")


def reason_of(visit: Visit) -> str:
    """Return why somebody does something; raises InvalidField where they do not say."""
    reason = visit.form.text("reason")
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidField(f"say why, in at most {LONGEST_REASON} characters")
    return reason


def _rate(visit: Visit, field: str) -> float | None:
    text = visit.form.text(field)
    if not text:
        return None
    try:
        return rate_of(float(text), field)
    except ValueError as error:
        raise InvalidField(f"{field} must be a number") from error


def _log(event: str, visit: Visit, **more: object) -> None:
    log.warning(event, operator=visit.operator.name, connection=visit.pieces["name"], **more)


def _back(name: str) -> web.Response:
    return go_to(f"{LIST}/{quote(name, safe='')}")
