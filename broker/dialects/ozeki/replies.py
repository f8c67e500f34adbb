"""Messages that a customer's web page wants sent, in its answer to an arrival (sheet 8.2)."""

import re
from datetime import datetime
from hashlib import sha256

from broker.dialects.ozeki.drafts import read_draft
from broker.dialects.ozeki.reading import Item, Style
from broker.domain.callback import Callback
from broker.domain.draft import Draft
from broker.domain.message import Direction
from broker.domain.value import replace
from broker.domain.wire import Response
from broker.errors import Malformed, RequestError

MOST = 100
"""Most messages of one answer."""

_FIELD = r"\{((?:[^{}\\]|\\.)*)\}"
_LINE = re.compile(_FIELD * 5)
_ESCAPED = re.compile(r"\\(.)")


def read_replies(callback: Callback, answer: Response, now: datetime) -> tuple[Draft | RequestError, ...]:
    """Return a message or an error for each line: type, connection, sender, recipient and text in curly brackets.

    Without a connection it is routed freely, without a sender it comes from the number that the arrival was for. The
    answer may be told to us again, so each message has the callback's id for a key.
    """
    if callback.message.direction is not Direction.IN:
        return ()
    lines = [line for line in answer.body.decode(errors="replace").splitlines() if line.strip()]
    return tuple(_reply(number, line.strip(), callback, now) for number, line in enumerate(lines[:MOST]))


def _reply(number: int, line: str, callback: Callback, now: datetime) -> Draft | RequestError:
    found = _LINE.fullmatch(line)
    if found is None:
        return Malformed("is no message in five pairs of brackets")
    kind, connection, sender, recipient, text = (_ESCAPED.sub(r"\1", field) for field in found.groups())
    named = {
        "messagetype": kind,
        "serviceprovider": connection,
        "originator": sender or callback.message.recipient,
        "messagedata": text,
    }
    fields = {name: value for name, value in named.items() if value}
    try:
        draft = read_draft(Item(recipient=recipient.strip(), fields=fields), Style.CLASSIC, now)
    except RequestError as error:
        return error
    return replace(draft, key=f"{callback.id}.{number}", digest=sha256(line.encode()).hexdigest())
