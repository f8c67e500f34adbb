"""What to answer to a request that is no HTTP: in the words of the API it was meant for, if that can be told."""

from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote

from broker.dialects.base import MOST_FIELDS, Dialect
from broker.dialects.native.problem import problem
from broker.domain.wire import Call, Response
from broker.errors import Malformed


class Unreadable:
    """Knows which path is whose."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self._dialects = {path: dialect for dialect in dialects for _, path in dialect.routes}

    def answer(self, start: bytes) -> Response:
        """Return the answer to a request that begins with these bytes; nothing of them is repeated in it."""
        error = Malformed("the request is not HTTP that can be read")
        call = _call(start)
        dialect = self._dialects.get(call.path)
        return problem(error) if dialect is None else dialect.refused(call, error)


def _call(start: bytes) -> Call:
    """Return as much of the call as its first line tells."""
    method, _, rest = start.partition(b"\r\n")[0].partition(b" ")
    path, _, query = rest.partition(b" ")[0].decode(errors="replace").partition("?")
    try:
        pairs = tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        pairs = ()
    return Call(method=method[:16].decode(errors="replace"), path=unquote(path), query=pairs)
