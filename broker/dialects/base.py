"""What every customer API is made of."""

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import field
from datetime import UTC, datetime
from typing import ClassVar, Self

from broker.domain.ask import Ask, Found
from broker.domain.callback import Callback, Telling
from broker.domain.draft import Draft
from broker.domain.value import value
from broker.domain.wire import Call, Request, Response
from broker.errors import AdmissionError, QuotaExceeded, RequestError, TooManyGuesses
from broker.settings import Settings

TEXT_LIMIT = 2048
"""Most characters of a message's text, in every dialect."""
MOST_FIELDS = 500
"""Most fields of a call, unless its dialect needs more."""
KEY_LIMIT = 255
"""Most characters of an idempotency key or reference."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present, aware, in UTC."""
    return datetime.now(UTC)


@value
class Credentials:
    """Who a request says it comes from: a user with a password, an API key, or (all None) nobody."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)


NOBODY = Credentials()


@value
class Admitted:
    """A draft that is ours now. `ids` are in the order of the normalised `recipients`; `batch` is its id if several.

    `number` is the request's public number, where the draft asked for one.

    `durability` is the level it was stored at before this was said.
    """

    draft: Draft
    ids: tuple[str, ...]
    batch: str | None = None
    number: int | None = None
    recipients: tuple[str, ...] = ()
    replayed: bool = False
    durability: str = ""


Outcome = Admitted | RequestError | AdmissionError
"""What became of one draft."""


class Dialect(ABC):
    """One customer API, as a pure translator of calls.

    `routes` lists (method, path). For a call that sends, `parse` gives one entry per independent request inside it,
    and `answer` is given one outcome for each, in that order, whatever it is and however few they are. For a call that
    asks, `parse` gives an `Ask`, and `found` is given what that found. `refused` is for calls that never came so far.
    """

    name: ClassVar[str]
    routes: tuple[tuple[str, str], ...]
    telling: Telling = Telling()
    lone_error_is_whole: ClassVar[bool] = True
    """Whether what stops the only draft of a call is said by `refused`, of the whole call, or by `answer`."""
    most_fields: int = MOST_FIELDS
    """Most fields of a call's form or query, and most parts of its multipart body."""

    def __init__(self, *, clock: Clock = utc_now, max_recipients: int = 1000) -> None:
        self.clock = clock
        self.max_recipients = max_recipients

    def configured(self, settings: Settings) -> Self:
        """Return the dialect as the operator wants it."""
        found = copy(self)
        found.max_recipients = settings.max_recipients
        return found

    def needs_mms(self, call: Call) -> bool:  # noqa: ARG002  # most ask for it nowhere
        """Say whether the right to send multimedia messages is asked for before anything else of the call."""
        return False

    def is_administrative(self, call: Call) -> bool:  # noqa: ARG002  # likewise
        """Say whether an operator may make this call, as an administrator."""
        return False

    def without_sender(self, call: Call) -> Call:
        """Return the call of an account whose sender is fixed, as if it named none, where the API has it so."""
        return call

    @abstractmethod
    def credentials(self, call: Call) -> Credentials:
        """Return what the call offers to sign in with; never raises."""

    @abstractmethod
    def parse(self, call: Call) -> tuple[Draft | RequestError, ...] | Ask:
        """Return the drafts in a call, with an error in the place of each that cannot be used; or what it asks for.

        Raises:
            RequestError: the call as a whole cannot be used.
        """

    @abstractmethod
    def answer(self, call: Call, outcomes: Sequence[Outcome]) -> Response:
        """Return the answer to a call that parsed, from what became of each of its drafts."""

    def found(self, call: Call, found: Found) -> Response:  # noqa: ARG002  # only others have something to show
        """Return the answer to a call that asked, from what was found. Only for dialects whose `parse` returns asks."""
        raise TypeError(f"calls of the dialect {self.name} ask for nothing")

    @abstractmethod
    def callback(self, callback: Callback) -> Request | None:
        """Return the request that tells a customer something, or None where the API has no word for it.

        Raises:
            ConfigurationError: a secret cannot be used.
        """

    def wants_files(self, callback: Callback) -> bool:  # noqa: ARG002  # most send links
        """Say whether the bytes of the stored parts are needed to put something into words."""
        return False

    def heard(self, answer: Response) -> bool:
        """Say whether a customer's answer to a callback means that it was heard: any 2xx, unless the API wants more.

        Of the body there are the first 4 KiB.
        """
        return 200 <= answer.status < 300  # noqa: PLR2004  # the 2xx

    def replies(self, callback: Callback, answer: Response) -> tuple[Draft | RequestError, ...]:  # noqa: ARG002
        """Return the messages that a customer's answer to a callback wants sent; `heard` said yes to it."""
        return ()

    @abstractmethod
    def refused(self, call: Call, error: RequestError | AdmissionError) -> Response:
        """Return the answer to a call that is refused as a whole; never raises."""


def retry_after(error: RequestError | AdmissionError) -> dict[str, str]:
    """Return the header that says when to come again, where there is a when."""
    if isinstance(error, AdmissionError | QuotaExceeded | TooManyGuesses):
        return {"Retry-After": str(max(1, error.retry_after_s))}
    return {}


def offered(headers: Mapping[str, str]) -> Credentials | None:
    """Return what the headers offer to sign in with: an API key (RFC 6750), or else Basic credentials."""
    given = headers.get("authorization", "")
    if given[:7].lower() != "bearer ":
        return basic(headers) if given else None
    token = given[7:].strip()
    return Credentials(api_key=token) if token.isascii() and token.isprintable() and token else None


def basic(headers: Mapping[str, str]) -> Credentials | None:
    """Read HTTP Basic credentials (RFC 7617, UTF-8); None where there are none that can be read."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (
        Credentials(user=user, password=password) if colon and is_clean(user) and is_clean(password) else None
    )


def is_clean(text: str) -> bool:
    """Say whether text is storable everywhere: no NUL, no lone surrogate."""
    if text.isascii():
        return "\0" not in text
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def has_controls(text: str) -> bool:
    """Say whether text holds control characters, which no one-line value may."""
    return not text.isprintable() and any(char < " " or char == "\x7f" for char in text)
