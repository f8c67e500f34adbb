"""Messages that somebody chose on the list: what can be done about them, and that it is done to each."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.message_forms import MessageForms, reason_of
from broker.console.messages import LIST
from broker.console.pages import Pages
from broker.console.visit import Visit
from broker.console.ways import Way, ways_of, why_not
from broker.domain.deed import Deed, Door
from broker.domain.ids import is_id, new_id
from broker.domain.operator import Role
from broker.errors import AdmissionError, InvalidField, RequestError
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.browse import Browse
from broker.services.steering import Steering

CHOSEN = f"{LIST}/chosen"
MOST = 50
"""Most messages at a time: a page of the list."""

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one message: the new one's id where it was sent again, or why nothing was done."""

    id: str
    sent: str = ""
    refused: str = ""


class Chosen:
    """Shows what may be done about messages, how many that are and at what risk, and does it to one after the other."""

    def __init__(
        self, pages: Pages, browse: Browse, steering: Steering, audit: Audit, forms: MessageForms
    ) -> None:
        self._pages = pages
        self._browse = browse
        self._steering = steering
        self._audit = audit
        self._forms = forms

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [
            *gate.get(CHOSEN, self.show, needs=Role.OPERATOR),
            *gate.post(f"{CHOSEN}/cancel", self.cancel),
            *gate.post(f"{CHOSEN}/retry", self.retry),
            *gate.post(f"{CHOSEN}/resend", self.resend),
        ]

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/chosen`; with `piece`, only what belongs into a dialog."""
        ids = _ids(visit.request.query.getall("id", []))
        found = await self._browse.chosen(ids)
        able = {way: [one for one in found if way in ways_of(one)] for way in Way}
        return await self._pages.show(
            visit,
            "chosen_piece.html" if "piece" in visit.query else "chosen.html",
            number=len(ids),
            missing=[name for name in ids if name not in {one.id for one in found}],
            unable=[(one, why_not(one)) for one in found if not ways_of(one)],
            able={way: those for way, those in able.items() if those},
            again=Counter(str(one.status) for one in able[Way.RESEND]),
            twice=sum(one.possible_duplicate for one in able[Way.RETRY]),
            once=new_id(),
        )

    async def cancel(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/chosen/cancel`."""
        return await self._each(visit, Way.CANCEL, self._steering.cancel)

    async def retry(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/chosen/retry`."""
        return await self._each(visit, Way.RETRY, self._steering.hasten)

    async def resend(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/chosen/resend`: the same form, sent twice, sends once."""
        once, who = visit.form.text("once"), visit.operator.name
        if not is_id(once):
            raise InvalidField("this form is not one of ours")
        if visit.form.text("sure") != "yes":
            raise InvalidField("say that they may reach their recipients twice")

        async def again(name: str) -> str:
            return await self._forms.send_again(name, once=f"{once} {name}", who=who)

        return await self._each(visit, Way.RESEND, again)

    async def _each(
        self, visit: Visit, way: Way, act: Callable[[str], Awaitable[str | None]]
    ) -> web.Response:
        """Do something to each of the messages; where we cannot go on, the others are left as they are, and named."""
        ids, reason = _ids(visit.form.text("ids").split()), reason_of(visit.form)
        fates: list[Fate] = []
        halt = ""
        for name in ids:
            if halt:
                fates.append(Fate(id=name, refused=halt))
                continue
            try:
                async with self._audit.of(_deed(visit, way, name, reason)):
                    fates.append(Fate(id=name, sent=await act(name) or ""))
            except RequestError as error:
                fates.append(Fate(id=name, refused=error.detail))
            except AdmissionError as error:
                fates.append(Fate(id=name, refused=error.detail))
                halt = "not tried: what came before it could not be done now"
        refused = sum(bool(one.refused) for one in fates)
        who = visit.operator.name
        log.warning("chosen_handled", operator=who, way=way, messages=len(fates) - refused, refused=refused)
        return await self._pages.show(visit, "chosen_done.html", way=way, fates=fates, refused=refused)


def _ids(given: Sequence[str]) -> list[str]:
    """Return the ids of messages, each once; raises InvalidField where there are none, too many, or others."""
    ids = list(dict.fromkeys(given))
    if not 0 < len(ids) <= MOST:
        raise InvalidField(f"choose messages on the list, {MOST} at most")
    if not all(is_id(one) for one in ids):
        raise InvalidField("what was chosen is not a message")
    return ids


def _deed(visit: Visit, way: Way, name: str, reason: str) -> Deed:
    """Return what is noted of one message: what its own page would have noted."""
    return Deed(
        operator=visit.operator.name, door=Door.CONSOLE, action=f"messages {way}", subject=name, reason=reason
    )
