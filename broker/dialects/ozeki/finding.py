"""Answers to calls that ask, in the form of the call."""

from broker.dialects.ozeki import envelope, showing
from broker.dialects.ozeki.asking import LIBRARY_ASKS, LIST, read_ask
from broker.dialects.ozeki.params import read_params
from broker.dialects.ozeki.reports import xml
from broker.domain.ask import Found, Handled, HandleMessages, Listing, ListMessages, Shown
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
    library = action in LIBRARY_ASKS
    as_json = library or params.get("responseformat", "").lower() == JSON_FORMAT
    if isinstance(found, Handled) and isinstance(ask, HandleMessages):
        if not (library or found.ids):
            raise NotFound("there is no such message")
        if as_json:
            return envelope.changed(ask.folder, found.ids)
        return xml(showing.handled(action, found.ids[0]))
    if isinstance(found, Listing) and isinstance(ask, ListMessages):
        if as_json:
            return envelope.received(ask.folder, ask.limit, found.messages)
        if action == LIST:
            return xml(showing.envelopes(found.messages))
        return xml(showing.received(action, found.messages))
    assert isinstance(found, Shown)
    return envelope.one_found(found) if as_json else xml(showing.info(found))
