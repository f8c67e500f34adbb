"""Messages in classic XML: polled, shown, listed (sheet 3.6, 3.7 and 4.1)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from broker.dialects.ozeki.content import CLASSES, PERSONAL
from broker.dialects.ozeki.dates import write
from broker.dialects.ozeki.drafts import CLASS
from broker.dialects.ozeki.naming import id_of
from broker.dialects.ozeki.reports import safe
from broker.domain.ask import Shown
from broker.domain.folder import folder_of
from broker.domain.message import Direction, Message, PartState, Priority, Reports
from broker.domain.record import Record
from broker.domain.status import Event, Status

DOTTED = "%Y.%m.%d. %H:%M:%S"

STATES: Mapping[Status, int] = {
    # Clients count 1 and 10 as success right after sending, so what is ours says 1, not 0 (sheet 3.7).
    Status.ACCEPTED: 1,
    Status.QUEUED: 1,
    Status.SUBMITTING: 1,
    Status.PREPARING: 2,
    Status.DELIVERED: 10,
    Status.READ: 10,
    Status.REJECTED: 11,
    Status.RETRYING: 12,
    Status.UNKNOWN: 12,
    Status.SUBMITTED: 13,
    Status.RELAYED: 13,
    Status.EXPIRED: 14,
    Status.CANCELLED: 15,
    Status.FAILED: 16,
    Status.UNDELIVERED: 16,
    Status.SCHEDULED: 17,
    Status.UNCONFIRMED: 18,
}
"""What an outbound message's state is called; an inbound one is idle, which is 0."""


def received(action: str, shown: Sequence[Shown]) -> str:
    """Return the answer to a poll."""
    rows = "".join(
        "      <message>\n"
        + "".join(f"         <{name}>{safe(value)}</{name}>\n" for name, value in _polled(one))
        + "      </message>\n"
        for one in shown
    )
    return f"<response>\n   <action>{safe(action)}</action>\n   <data>\n{rows}   </data>\n</response>\n"


def info(shown: Shown) -> str:
    """Return all there is to say of one message; the vendor calls this action by another name than clients do."""
    record, message = shown.record, shown.record.message
    zone = ZoneInfo(shown.timezone)
    folder = folder_of(
        message.status, taken=message.provider_ref is not None, deleted=record.deleted_at is not None
    )
    rows = (
        f"<messageid>{safe(id_of(message))}</messageid>",
        f"<originator>{safe(message.originator)}</originator>",
        f"<recipient>{safe(message.recipient)}</recipient>",
        f"<folder>{folder.upper()}</folder>",
        f"<senttime>{sent_at(record).astimezone(zone).strftime(DOTTED)}</senttime>",
        f"<receivedtime>{received_at(record).astimezone(zone).strftime(DOTTED)}</receivedtime>",
        f"<creationtime>{message.created_at.astimezone(zone).strftime(DOTTED)}</creationtime>",
        "<callbackid/>",
        f"<state>{state_of(message)}</state>",
        _within("operatornames", _elements("operatorname", [message.connection or ""])),
        _within("routes", _elements("route", [f"default_{message.account}"])),
        _within("optionalfields", (_field(tag.name, tag.value) for tag in message.tags)),
        f"<messagetype>{kind_of(message)}</messagetype>",
        f"<messagedata>{safe(data_of(message))}</messagedata>",
    )
    inner = "".join(f"\t\t{row}\n" for row in rows)
    return f"<response>\n\t<action>getMsgInfoByID</action>\n\t<data>\n{inner}\t</data>\n</response>\n"


def envelopes(shown: Sequence[Shown]) -> str:
    """Return what is in a folder, without a common root: clients put one around it themselves."""
    return "".join(
        "<Envelope>"
        f"<ID>{safe(id_of(one.record.message))}</ID>"
        f"<Message>{safe(data_of(one.record.message))}</Message>"
        f"<Originator>{safe(one.record.message.originator)}</Originator>"
        f"<Recipient>{safe(one.record.message.recipient)}</Recipient>"
        f"<Received>{write(one.record.message.created_at, one.timezone)}</Received>"
        "</Envelope>\n"
        for one in shown
    )


def handled(action: str, message_id: str) -> str:
    """Return that something was done with a message."""
    return (
        f"<response><action>{safe(action)}</action><data><statuscode>0</statuscode>"
        f"<messageid>{safe(message_id)}</messageid></data></response>"
    )


def balance(action: str, account: str, left: int) -> str:
    """Return what is left of an account's credit."""
    return (
        f"<response>\n   <action>{safe(action)}</action>\n   <data>\n      <account>\n"
        f"         <username>{safe(account)}</username>\n         <balance>{left}</balance>\n"
        "      </account>\n   </data>\n</response>\n"
    )


def failed(action: str, code: int, text: str) -> str:
    """Return that something could not be done."""
    return (
        f"<response><action>{safe(action)}</action><data><errorcode>{code}</errorcode>"
        f"<errormessage>{safe(text)}</errormessage></data></response>"
    )


def state_of(message: Message) -> int:
    """Return the number that a message's state has."""
    return STATES.get(message.status, 18) if message.direction is Direction.OUT else 0


def kind_of(message: Message) -> str:
    """Return the message type."""
    return "MMS:XML" if message.is_mms else "SMS:TEXT"


def data_of(message: Message) -> str:
    """Return the message data: the text, or MMS:XML that names the stored files."""
    if not message.is_mms:
        return message.text
    files = [part.path or "" for part in message.parts if part.state is PartState.STORED]
    listed = "".join(f"    <attachment><filename>{safe(path)}</filename></attachment>\n" for path in files)
    delivery, read = (_switch(message.reports & one) for one in (Reports.SUCCESS, Reports.READ))
    return (
        f"<MMS>\n  <subject>{safe(message.subject)}</subject>\n"
        f"  <messagetext>{safe(message.text)}</messagetext>\n"
        f"  <deliveryreport>{delivery}</deliveryreport>\n  <readreport>{read}</readreport>\n"
        f"  <priority>{'high' if message.priority is Priority.HIGH else 'normal'}</priority>\n"
        f"  <messageclass>{_class_of(message)}</messageclass>\n"
        f"  <attachments>\n{listed}  </attachments>\n</MMS>"
    )


def sent_at(record: Record) -> datetime:
    """Return when the carrier took a message; until then, when we did."""
    return _moment(record, Event.RECEIPT) or record.message.created_at


def received_at(record: Record) -> datetime:
    """Return when a message reached its recipient; until then, when it was sent."""
    return _moment(record, Event.DELIVER) or sent_at(record)


def _moment(record: Record, event: Event) -> datetime | None:
    return next((one.at for one in record.events if one.type == event and one.status is not None), None)


def _polled(shown: Shown) -> Iterable[tuple[str, str]]:
    record, message = shown.record, shown.record.message
    return (
        ("messageid", id_of(message)),
        ("originator", message.originator),
        ("recipient", message.recipient),
        ("messagetype", kind_of(message)),
        ("messagedata", data_of(message)),
        ("senttime", write(sent_at(record), shown.timezone)),
        ("receivedtime", write(received_at(record), shown.timezone)),
    )


def _class_of(message: Message) -> str:
    # A customer may have a tag of this name.
    return next((tag.value for tag in message.tags if tag.name == CLASS and tag.value in CLASSES), PERSONAL)


def _switch(value: int) -> str:
    return "on" if value else "off"


def _within(name: str, inner: Iterable[str]) -> str:
    text = "".join(inner)
    return f"<{name}>{text}</{name}>" if text else f"<{name}/>"


def _elements(name: str, values: Iterable[str]) -> Iterable[str]:
    return (f"<{name}>{safe(value)}</{name}>" for value in values if value)


def _field(name: str, value: str) -> str:
    quoted = {'"': "&quot;"}
    return f'<optionalfield name="{safe(name, quoted)}" value="{safe(value, quoted)}"/>'
