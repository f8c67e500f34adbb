"""Messages that somebody chose on the list: what can be done about them, and that it is done to each."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from broker.console.audit import LIST as AUDIT
from broker.console.gate import Gate, Route
from broker.console.message_forms import MessageForms, reason_of
from broker.console.messages import LIST
from broker.console.pages import Pages, go_to
from broker.console.visit import Visit
from broker.console.ways import Way, ways_of, why_not
from broker.domain.deed import Deed, DeedQuery, Door, kept
from broker.domain.ids import is_id, new_id
from broker.domain.operator import Role
from broker.errors import (
    AdmissionError,
    Busy,
    InvalidField,
    NotFound,
    OutcomeUncertain,
    QueueAway,
    RequestError,
)
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.browse import Browse
from broker.services.outcomes import Fate, Outcome, Outcomes
from broker.services.steering import Steering

CHOSEN = f"{LIST}/chosen"
MOST = 50
"""Most messages at a time: a page of the list."""
SETTLED = "messages chosen {} settled"
"""What the audit says of a form that was gone through, with the messages that it was done to."""
_DONE = "done"
_HALT = "not tried: what came before it could not be done now"

Act = Callable[[str], Awaitable[str | None]]
Foreseen = Callable[[Awaitable[str | None]], Awaitable[str | None]]
"""Waits for a deed; where it breaks in a way that nobody foresaw, it raises OutcomeUncertain."""

log = get_logger()


class Chosen:
    """Shows what may be done about messages, how many that are and at what risk, and does it to one after the other."""

    def __init__(
        self,
        pages: Pages,
        browse: Browse,
        steering: Steering,
        audit: Audit,
        forms: MessageForms,
        outcomes: Outcomes,
        *,
        foreseen: Foreseen,
    ) -> None:
        self._pages = pages
        self._browse = browse
        self._steering = steering
        self._audit = audit
        self._forms = forms
        self._outcomes = outcomes
        self._foreseen = foreseen

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [
            *gate.get(CHOSEN, self.show, needs=Role.OPERATOR),
            *gate.post(f"{CHOSEN}/cancel", self.cancel),
            *gate.post(f"{CHOSEN}/retry", self.retry),
            *gate.post(f"{CHOSEN}/resend", self.resend),
            *gate.get(f"{CHOSEN}/{{way}}/{{id}}", self.done, needs=Role.OPERATOR),
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
        once, who = _once(visit), visit.operator.name
        if visit.form.text("sure") != "yes":
            raise InvalidField("say that they may reach their recipients twice")

        async def again(name: str) -> str:
            return await self._forms.send_again(name, once=f"{once} {name}", who=who)

        return await self._each(visit, Way.RESEND, again)

    async def _each(self, visit: Visit, way: Way, act: Act) -> web.Response:
        """Do something to each of the messages; where we cannot go on, the others are left as they are, and named.

        The same form again does nothing to those that it was done to.
        """
        ids, reason, once = _ids(visit.form.text("ids").split()), reason_of(visit.form), _once(visit)
        before = await self._settled(visit, way, once)
        fates: list[Fate] = []
        halt = ""
        for name in ids:
            if name in before:
                fates.append(Fate(id=name, sent=before[name]))
            elif halt:
                fates.append(Fate(id=name, refused=halt))
            else:
                fate, halt = await self._one(_deed(visit, way, name, reason), act)
                fates.append(fate)
        await self._settle(visit, way, once, [one for one in fates if one.id not in before])
        return await self._told(visit, way, fates)

    async def _one(self, deed: Deed, act: Act) -> tuple[Fate, str]:
        """Do it to one message; return what became of it, and why the others are left, if they are."""
        name = deed.subject
        try:
            async with self._audit.of(deed):
                return Fate(id=name, sent=await self._foreseen(act(name)) or ""), ""
        except RequestError as error:
            return Fate(id=name, refused=error.detail), ""
        except OutcomeUncertain as error:
            return Fate(id=name, doubt=error.detail), _HALT
        except AdmissionError as error:
            return Fate(id=name, refused=error.detail), _HALT

    async def _settled(self, visit: Visit, way: Way, once: str) -> Mapping[str, str]:
        """Return what this form was done to before: messages, with the new one's id where they were sent again."""
        query = DeedQuery(operator=visit.operator.name, action=SETTLED.format(way), subject=once)
        rows, _ = await self._audit.page(query)
        return {name: "" if text == _DONE else text for row in rows for name, text in row.details.items()}

    async def _settle(self, visit: Visit, way: Way, once: str, fates: Sequence[Fate]) -> None:
        """Note what a form was done to; where that cannot be done, it was done all the same."""
        done = {one.id: one.sent or _DONE for one in fates if not one.refused and not one.doubt}
        who, action = visit.operator.name, SETTLED.format(way)
        deed = Deed(operator=who, door=Door.CONSOLE, action=action, subject=once, details=done)
        try:
            if done:
                await self._audit.note(deed)
        except Busy:
            log.error("chosen_not_noted", operator=who, messages=len(done))

    async def _told(self, visit: Visit, way: Way, fates: Sequence[Fate]) -> web.Response:
        """Lead to the page that tells what became of each; where it cannot be kept, this answer is that page."""
        who, once = visit.operator.name, visit.form.text("once")
        refused, doubted = sum(bool(one.refused) for one in fates), sum(bool(one.doubt) for one in fates)
        done = len(fates) - refused - doubted
        log.warning("chosen_handled", operator=who, way=way, messages=done, refused=refused, doubted=doubted)
        form = {name: visit.form.text(name) for name in ("ids", "once", "reason", "sure")}
        outcome = Outcome(fates=tuple(fates), form={**form, "reason": kept(form["reason"])})
        try:
            await self._outcomes.keep(who, way, once, outcome)
        except QueueAway:
            return await self._page(visit, way, outcome)
        return go_to(f"{CHOSEN}/{way}/{once}")

    async def done(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/chosen/{way}/{id}`: what came of a form, as long as that is kept."""
        way, once = visit.pieces["way"], visit.pieces["id"]
        if way not in set(Way) or not is_id(once):
            raise NotFound("there is no such form")
        outcome = await self._outcomes.find(visit.operator.name, way, once)
        if outcome is not None:
            return await self._page(visit, Way(way), outcome)
        action = SETTLED.format(way)
        audit = f"{AUDIT}?{urlencode({'action': action, 'subject': once})}"
        return await self._pages.show(visit, "chosen_gone.html", status=404, audit=audit)

    async def _page(self, visit: Visit, way: Way, outcome: Outcome) -> web.Response:
        return await self._pages.show(
            visit,
            "chosen_done.html",
            way=way,
            fates=outcome.fates,
            refused=(refused := sum(bool(one.refused) for one in outcome.fates)),
            doubted=(doubted := sum(bool(one.doubt) for one in outcome.fates)),
            done=len(outcome.fates) - refused - doubted,
            form=outcome.form,
        )


def _once(visit: Visit) -> str:
    """Return what tells one form from another; raises InvalidField where it has none."""
    once = visit.form.text("once")
    if not is_id(once):
        raise InvalidField("this form is not one of ours")
    return once


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
