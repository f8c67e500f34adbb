"""Turn a draft into messages."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from broker.domain.account import Account
from broker.domain.address import normalise, normalise_originator
from broker.domain.draft import Draft
from broker.domain.ids import new_id, new_number
from broker.domain.message import Message, Part
from broker.domain.validity import span
from broker.errors import InvalidOriginator, InvalidRecipient, InvalidRequest, NotPermitted, RepeatedRecipient
from broker.services import quiet

_CARRIED = (
    "subject",
    "priority",
    "tags",
    "connection",
    "callback_url",
    "note",
    "subaccount",
    "reports",
    "trace",
)
_carried = attrgetter(*_CARRIED)
_USUAL = _carried(Draft(recipients=()))


def compose(
    draft: Draft, account: Account, now: datetime, *, dialect: str = "native", parts: Sequence[Part] = ()
) -> list[Message]:
    """Return one message for each recipient, in their order; a list of recipients, however short, makes a batch.

    Raises:
        RequestError: the draft is not one that this account may send.
    """
    recipients, originator = normalised(draft, account), sender(draft, account)
    texts = draft.pieces or (draft.text,)
    named = [(new_id(), recipient, text) for recipient in recipients for text in texts]
    permit(draft, account)
    when = span(draft, zone=ZoneInfo(account.timezone), now=now)
    if account.quiet_hours is not None:
        quiet.permit(account, recipients, draft.priority, when, now)
    members = tuple([name for name, _, _ in named]) if draft.group and len(named) > 1 else ()
    batch = new_id() if draft.several or draft.pieces else None
    shared = _shared(draft, account, parts)
    return [
        Message(
            id=identifier,
            account=account.name,
            dialect=dialect,
            originator=originator,
            recipient=recipient,
            text=text,
            reference=draft.reference,
            batch=batch,
            group=bool(members),
            members=members,
            created_at=now,
            valid_until=when.valid_until,
            send_at=when.send_at,
            **shared,
        )
        for identifier, recipient, text in named
    ]


def _shared(draft: Draft, account: Account, parts: Sequence[Part]) -> dict[str, Any]:
    """Return what the messages of a request have in common and few requests have at all."""
    shared: dict[str, Any] = {}
    carried = _carried(draft)
    if carried != _USUAL:
        shared.update(zip(_CARRIED, carried, strict=True), pinned=bool(draft.connection))
    if parts:
        shared["parts"] = tuple(parts)
    if draft.numbered:
        shared["number"] = new_number()
    if account.credit is not None:
        shared["prepaid"] = True
    return shared


def normalised(draft: Draft, account: Account) -> tuple[str, ...]:
    """Return the recipients in E.164.

    Raises:
        InvalidRecipient, InvalidRequest: one or several of them are no numbers, or the same number.
    """
    if not draft.several:
        return (normalise(draft.recipients[0], account.country, pointer="/to"),)
    found: dict[str, None] = {}
    wrong: list[InvalidRecipient] = []
    for n, text in enumerate(draft.recipients):
        try:
            number = normalise(text, account.country, pointer=f"/to/{n}")
        except InvalidRecipient as error:
            wrong.append(error)
            continue
        if number in found:
            wrong.append(RepeatedRecipient("is listed twice", pointer=f"/to/{n}", value=text))
        found[number] = None
    if wrong:
        raise wrong[0] if len(wrong) == 1 else InvalidRequest(wrong)
    return tuple(found)


def sender(draft: Draft, account: Account) -> str:
    """Return the originator: as asked for, else the account's first sender.

    Raises:
        InvalidOriginator: it does not belong to the account, or the account has none.
    """
    asked = draft.originator
    if not asked:
        if not account.senders:
            raise InvalidOriginator("the account has no sender", pointer="/from")
        return account.senders[0]
    if asked in account.senders:
        return asked
    originator = normalise_originator(asked, account.country, pointer="/from")
    if originator not in account.senders:
        raise InvalidOriginator("is not a sender of this account", pointer="/from", value=asked)
    return originator


def permit(draft: Draft, account: Account) -> None:
    """Return if the account may send what the draft holds.

    Raises:
        NotPermitted: it is a multimedia message, and the account may not send those.
    """
    if not account.mms and draft.is_mms:
        raise NotPermitted("this account may not send multimedia messages")
