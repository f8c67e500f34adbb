"""The counters of a connection as the native API shows them."""

from datetime import datetime

import orjson

from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import moment_of, parameters
from broker.domain.folder import Tally
from broker.domain.wire import Call, Response

_PARAMETERS = frozenset({"since"})
_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def parse_tally_query(call: Call) -> datetime | None:
    """Return from when on a call wants messages counted; None: from the first.

    Raises:
        RequestError: a parameter is unknown, twice there or has a value that cannot be used.
    """
    return moment_of(parameters(call, _PARAMETERS), "since")


def tallied(connection: str, tally: Tally, since: datetime | None) -> Response:
    """Return what a connection has carried."""
    body = {
        "connection": connection,
        "since": None if since is None else stamp(since),
        "counters": {str(name): number for name, number in tally.counters.items()},
        "folders": {str(name): number for name, number in tally.folders.items()},
    }
    return Response(status=200, headers=_JSON, body=orjson.dumps(body))
