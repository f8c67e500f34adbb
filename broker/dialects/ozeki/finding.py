"""Answers to calls that ask, in the form of the call."""

from broker.dialects.ozeki import envelope, showing
from broker.dialects.ozeki.asking import LIBRARY_ASKS, LIST, UNLIMITED, read_ask
from broker.dialects.ozeki.params import read_params
from broker.dialects.ozeki.reports import xml
from broker.domain.ask import Ask, Balance, Found, Handled, HandleMessages, Listing, ListMessages
from broker.domain.wire import Call, Response
from broker.errors import NotFound

JSON_FORMAT = "json"


def answer_found(call: Call, found: Found) -> Response:
    """Return what a call asked for.

    Raises:
        NotFound: nothing was done, for there is no such message.
    """
    params, ask = read_params(call), read_ask(call)
    action = params["action"]
    if action in LIBRARY_ASKS:
        return _in_json(ask, found)
    if isinstance(found, Handled) and not found.ids:
        raise NotFound("there is no such message")
    if params.get("responseformat", "").lower() == JSON_FORMAT:
        return _in_json(ask, found)
    return xml(_in_xml(action, found))


def _in_json(ask: Ask | None, found: Found) -> Response:
    if isinstance(found, Handled):
        return envelope.changed(ask.folder if isinstance(ask, HandleMessages) else None, found.ids)
    if isinstance(found, Listing):
        assert isinstance(ask, ListMessages)
        return envelope.received(ask.folder, ask.limit, found.messages)
    if isinstance(found, Balance):
        return envelope.balance(found.account, _left(found))
    return envelope.one_found(found)


def _in_xml(action: str, found: Found) -> str:
    if isinstance(found, Handled):
        return showing.handled(action, found.ids[0])
    if isinstance(found, Listing):
        return (
            showing.envelopes(found.messages) if action == LIST else showing.received(action, found.messages)
        )
    if isinstance(found, Balance):
        return showing.balance(action, found.account, _left(found))
    return showing.info(found)


def _left(found: Balance) -> int:
    return UNLIMITED if found.left is None else found.left
