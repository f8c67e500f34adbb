"""What every carrier can be asked."""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from broker.domain.account import Connection
from broker.domain.cause import Cause
from broker.domain.event import News
from broker.domain.message import Receipt
from broker.domain.wire import Call, Conversation, Request, Response
from broker.errors import NotAuthorised
from broker.providers.config import Config
from broker.providers.media_host import media_request
from broker.providers.submission import Limits, Outgoing, Submission, Token

__all__ = ["MEDIA_MODES", "Limits", "Outgoing", "Provider", "Submission", "Token"]

MEDIA_MODES = ("upload", "link")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _random_name() -> str:
    return secrets.token_hex(8)


class Provider(ABC):
    """One carrier over one connection. Pure: it yields requests and is sent the answers.

    `now` dates events that carry no time and reads dated waits; `dice` returns the random piece of an upload's name.
    `create_url`, which `configure` sets, is where the create call goes. `layouts` says that it wants the layout of a
    message among its parts, and one built where there is none. `shown` names its own settings that are no secrets,
    `usual` what absent ones mean.
    """

    name: ClassVar[str]
    limits: ClassVar[Limits]
    layouts: ClassVar[bool] = False
    causes: ClassVar[tuple[Cause, ...]] = ()
    shown: ClassVar[frozenset[str]] = frozenset({"base_url", "media_mode", "username", "webhook_username"})
    usual: ClassVar[Mapping[str, str | bool]] = {"media_mode": MEDIA_MODES[0]}
    create_url: str

    def __init__(
        self,
        connection: Connection,
        *,
        now: Callable[[], datetime] = _utc_now,
        dice: Callable[[], str] = _random_name,
    ) -> None:
        self.connection = connection
        self.now = now
        self.dice = dice
        config = Config(connection)
        self.base_url = config.required("base_url").rstrip("/")
        self.media_mode = config.one_of("media_mode", MEDIA_MODES)
        self.configure(config)

    @abstractmethod
    def configure(self, config: Config) -> None:
        """Read the carrier's own settings.

        Raises:
            ConfigurationError: one is missing or cannot be used.
        """

    @abstractmethod
    def submit(self, submission: Submission) -> Conversation[Receipt]:
        """Hand a message over: uploads first, the create call last, every request with credentials.

        Raises:
            Rejected, NotAuthorised, Throttled, Unavailable, OutcomeUnknown: as the carrier's answer demands; before
                the create call nothing is ever OutcomeUnknown.
        """

    @abstractmethod
    def is_create(self, request: Request) -> bool:
        """Say whether this is the one request that must not be repeated blindly."""

    @abstractmethod
    def authorise(self, request: Request, token: str | None) -> Request:
        """Return the request with the connection's credentials in its header."""

    @abstractmethod
    def verify(self, call: Call) -> None:
        """Check that a webhook comes from the carrier; it does not look at the body.

        Raises:
            SignatureMismatch: its credentials are missing or wrong.
        """

    @abstractmethod
    def challenge(self) -> Response:
        """Return the answer that asks the carrier for its credentials."""

    @abstractmethod
    def read(self, body: bytes) -> list[News]:
        """Return what a webhook tells; elements that make no sense come back as Unread.

        Raises:
            Unreadable: the whole is not in the carrier's format.
        """

    def needs_token(self) -> bool:
        """Say whether requests carry a bearer token, which must be had first."""
        return False

    def token(self, *, secret: int) -> Conversation[Token]:
        """Ask for a bearer token with the current (0) or the next (1) client secret.

        Raises:
            NotAuthorised: the credentials fail, or there is no such secret.
            Unavailable: anything else; no token, but nothing was sent either.
        """
        raise NotAuthorised(f"connection {self.connection.name} has no client secret {secret}")

    def acknowledge(self) -> Response:
        """Return the answer that tells the carrier a webhook is ours now."""
        return Response(status=200)

    def media(self, url: str) -> Request:
        """Return the request that fetches an inbound part, with credentials.

        Raises:
            MediaForbidden: the link leads elsewhere than to the connection's own media hosts.
        """
        return media_request(url, hosts=self.connection.media_hosts, base_url=self.base_url)
