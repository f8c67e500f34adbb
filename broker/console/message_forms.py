"""What operators do about a message: call it back, have it tried now, send it again as a new one."""

from urllib.parse import quote

from aiohttp import web

from broker.console.forms import Form
from broker.console.gate import Gate, Route
from broker.console.messages import LIST
from broker.console.pages import go_to
from broker.console.stored import message_id
from broker.console.visit import Visit
from broker.domain.address import mask_within
from broker.domain.deed import Deed, Door
from broker.domain.ids import is_id
from broker.errors import Busy, InvalidField
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.browse import Browse
from broker.services.steering import Steering

LONGEST_REASON = 200
RESENT = "messages resent"
"""What the audit says of a message once it was sent again, with the new one's id."""

log = get_logger()


class MessageForms:
    """Does what the forms of a message's page ask for, for a reason."""

    def __init__(self, browse: Browse, steering: Steering, audit: Audit) -> None:
        self._browse = browse
        self._steering = steering
        self._audit = audit

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{id}}"
        return [
            *gate.post(f"{one}/cancel", self.cancel),
            *gate.post(f"{one}/retry", self.retry),
            *gate.post(f"{one}/resend", self.resend),
        ]

    async def cancel(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/{id}/cancel`."""
        name = await self._asked(visit)
        await self._steering.cancel(name)
        return _done("message_cancelled", visit, name)

    async def retry(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/{id}/retry`."""
        name = await self._asked(visit)
        await self._steering.hasten(name)
        return _done("message_hastened", visit, name)

    async def resend(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/{id}/resend`: who does not say that the risk is known sends nothing."""
        name = await self._asked(visit)
        once = visit.form.text("once")
        if not is_id(once):
            raise InvalidField("this form is not one of ours")
        if visit.form.text("sure") != "yes":
            raise InvalidField("say that it may reach its recipient twice")
        sent = await self.send_again(name, once=once, who=visit.operator.name)
        return _done("message_resent", visit, sent, of=name)

    async def send_again(self, name: str, *, once: str, who: str) -> str:
        """Send what a message holds as a new one, and note both; return the new one's id.

        That somebody wanted it is on record before: where the second note cannot be made, it was sent all the same.

        Raises:
            NotFound: there is no such message.
            RequestError, AdmissionError: as `Steering.resend`.
        """
        record = (await self._browse.one(name)).record
        sent = await self._steering.resend(record, once=once, who=who)
        deed = Deed(operator=who, door=Door.CONSOLE, action=RESENT, subject=name, details={"as": sent})
        try:
            await self._audit.note(deed)
        except Busy:
            log.error("resent_not_noted", message_id=sent, of=name)
        return sent

    async def _asked(self, visit: Visit) -> str:
        """Return the message that is meant, if there is one, and a reason; raises NotFound or InvalidField."""
        name = message_id(visit)
        reason_of(visit.form)
        await self._browse.account_of(name)
        return name


def reason_of(form: Form) -> str:
    """Return why somebody does it; raises InvalidField where that is not said."""
    reason = form.text("reason")
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidField(f"say why, in at most {LONGEST_REASON} characters")
    return reason


def _done(event: str, visit: Visit, name: str, **more: str) -> web.Response:
    reason = mask_within(visit.form.text("reason"))
    log.warning(event, operator=visit.operator.name, message_id=name, reason=reason, **more)
    return go_to(f"{LIST}/{quote(name, safe='')}")
