"""HTTP without a socket: what translators are given and what they answer."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from broker.domain.value import value

T = TypeVar("T")


@value
class Request:
    """One request that we send: to a carrier, a media host or a customer.

    `credentials` asks the sender of the request to add the connection's own credentials; a translator never sees
    a token. Header names are as sent.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    credentials: bool = False


@value
class Response:
    """One answer, ours or theirs. Header names are lower case in answers that we read."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file of a multipart form. `field` is the form's name for it, `filename` the customer's."""

    field: str
    filename: str
    content_type: str
    data: bytes


@value
class Call:
    """One request that we are sent, by a customer or a carrier.

    `query` and `form` are decoded name/value pairs in the order they came; header names are lower case; `peer` is
    the address of the other end. A multipart or form body is read into `form` and `files`, any other into `body`.
    What a translator read in it once it may keep in `seen`, under a name of its own; a changed copy needs an empty one.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    form: tuple[tuple[str, str], ...] = ()
    files: tuple[Upload, ...] = ()
    peer: str = ""
    seen: dict[str, Any] = field(default_factory=dict, repr=False)


Conversation = Generator[Request, Response, T]
"""A translator's side of a talk: it yields requests, is sent the answers, and returns what it learnt."""
