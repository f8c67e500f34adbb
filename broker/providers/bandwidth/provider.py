"""Talking to Bandwidth."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

import orjson

from broker.domain.content_type import extension_of
from broker.domain.event import News
from broker.domain.media import kind_of
from broker.domain.message import Message, PartKind, Priority, Receipt
from broker.domain.value import replace
from broker.domain.wire import Call, Conversation, Request, Response
from broker.errors import NotAuthorised, Rejected, Unavailable
from broker.providers.answers import before_create, check, explain, read_json, retry_after_s
from broker.providers.bandwidth.codes import CAUSES
from broker.providers.bandwidth.events import LONGEST_ID, read_events
from broker.providers.bandwidth.tag import marked
from broker.providers.base import Limits, Outgoing, Provider, Submission, Token
from broker.providers.basic import CHALLENGE, Basic
from broker.providers.config import Config

SAFE_TYPES = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "video/mp4",
        "video/3gpp",
        "audio/mpeg",
        "audio/amr",
        "text/vcard",
        "text/plain",
    }
)
"""What shows on nearly every phone; the media store takes more."""

_JSON = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_LONGEST_LINK = 4096
_SHORT_LIFE_S = 300
"""Taken for a token's life where the answer does not say."""


class Bandwidth(Provider):
    """Bandwidth's Messaging API v2 (protocols/bandwidth.md).

    Settings beside `base_url` (".../api/v2"): `account_id`, `application_id`; `auth` "oauth2" with `token_url`,
    `client_id`, `client_secret`, `next_client_secret`, or "basic" with `username`, `password`; `mms_receipts`;
    `webhook_username`, `webhook_password`. Where both of the last are absent, webhooks are taken from anybody.
    """

    name = "bandwidth"
    causes = CAUSES
    limits: ClassVar[Limits] = Limits(
        parts=10,
        part_bytes=3_500_000,
        total_bytes=1_000_000,
        toll_free_bytes=525_000,
        recipients=10,
        toll_free_recipients=1,
        text=2048,
        content_types=SAFE_TYPES,
    )

    shown = Provider.shown | {
        "account_id",
        "application_id",
        "auth",
        "client_id",
        "mms_receipts",
        "token_url",
    }
    usual: ClassVar[Mapping[str, str | bool]] = {**Provider.usual, "auth": "oauth2", "mms_receipts": True}

    def configure(self, config: Config) -> None:
        """Read the settings."""
        account = f"{self.base_url}/users/{quote(config.required('account_id'), safe='')}"
        self.create_url = f"{account}/messages"
        self._media_url = f"{account}/media"
        self._application = config.required("application_id")
        self._mms_receipts = config.flag("mms_receipts", default=True)
        self._webhook = config.basic("webhook_username", "webhook_password")
        self._auth = config.one_of("auth", ("oauth2", "basic"))
        if self._auth == "basic":
            self._authorization = Basic(
                username=config.required("username"), password=config.required("password")
            ).header
        else:
            self._token_url = config.required("token_url")
            self._client = config.required("client_id")
            self._secrets = (config.required("client_secret"), config.setting("next_client_secret"))

    def submit(self, submission: Submission) -> Conversation[Receipt]:
        """Upload each part that we hold, then send one message that names them all."""
        message = submission.message
        text = "\n".join(filter(None, (message.subject, message.text)))
        # The layout is for phones that draw slides; carriers' REST interfaces would show it as a file.
        parts = [
            part for part in submission.parts if kind_of(part.content_type, part.name) is not PartKind.LAYOUT
        ]
        self.limits.enforce(submission, text=text, parts=parts)
        links: list[str] = []
        for number, part in enumerate(parts, 1):
            links.append((yield from self._link(message.id, number, part)))
        answer = yield self._create(submission, text, links)
        check(answer, now=self.now(), hide=(text, message.text, message.subject))
        reference = read_json(answer).get("id")
        usable = isinstance(reference, str) and 0 < len(reference) <= LONGEST_ID
        return Receipt(provider_ref=reference if usable else None, http_status=answer.status)

    def _link(self, message_id: str, number: int, part: Outgoing) -> Conversation[str]:
        """Return where Bandwidth finds a part: at our own link, or in its media store once it is uploaded."""
        if part.data is None:
            if not part.url or len(part.url) > _LONGEST_LINK:
                raise Rejected(f"a part's link must have 1 to {_LONGEST_LINK} characters", code="limit")
            return part.url
        # Never the same name twice: a reused one can deliver the file that had it before.
        url = f"{self._media_url}/{message_id}-{number}-{self.dice()}.{extension_of(part.content_type)}"
        with before_create():
            answer = yield Request(
                method="PUT",
                url=url,
                headers={"Content-Type": part.content_type},
                body=part.data,
                credentials=True,
            )
            check(answer, now=self.now())
        return url

    def _create(self, submission: Submission, text: str, links: Sequence[str]) -> Request:
        """Return the create call. Bandwidth has no idempotency key: it must not be repeated blindly."""
        message = submission.message
        recipients = list(dict.fromkeys(submission.recipients))
        is_mms = bool(links) or len(recipients) > 1
        body: dict[str, Any] = {
            "applicationId": self._application,
            "to": recipients,
            "from": message.originator,
            # Without receipts a delivered MMS only reached the carrier, and its event may not say that it is one.
            "tag": marked(submission.tag) if is_mms and not self._mms_receipts else submission.tag,
            "priority": "high" if message.priority is Priority.HIGH else "default",
        }
        if text:
            body["text"] = text
        if links:
            body["media"] = links
        if not is_mms:
            body["expiration"] = _timestamp(message)
        return Request(
            method="POST", url=self.create_url, headers=_JSON, body=orjson.dumps(body), credentials=True
        )

    def is_create(self, request: Request) -> bool:
        """Say whether this is the create call."""
        return request.method == "POST" and request.url == self.create_url

    def needs_token(self) -> bool:
        """Say whether the connection uses OAuth 2."""
        return self._auth == "oauth2"

    def token(self, *, secret: int) -> Conversation[Token]:
        """Ask for a token with the client credentials."""
        chosen = self._secrets[secret] if self.needs_token() and secret in (0, 1) else None
        if chosen is None:
            raise NotAuthorised(f"connection {self.connection.name} has no client secret {secret}")
        header = Basic(username=self._client, password=chosen).header
        with before_create():
            answer = yield Request(
                method="POST",
                url=self._token_url,
                headers={**_FORM, "Authorization": header},
                body=b"grant_type=client_credentials",
            )
        self._check_client(answer, chosen)
        return _read_token(answer)

    def _check_client(self, answer: Response, secret: str) -> None:
        """Tell a refused client from an address that is busy; neither says anything about a message or a sender."""
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        code, detail = explain(answer, hide=(secret,))
        refused = HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
        if refused and answer.status not in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS):
            raise NotAuthorised(detail, http_status=answer.status, code=code)
        wait = retry_after_s(answer, now=self.now())
        raise Unavailable(detail, retry_after_s=wait, http_status=answer.status, code=code)

    def authorise(self, request: Request, token: str | None) -> Request:
        """Return the request with a Basic or Bearer header."""
        if self._auth == "basic":
            header = self._authorization
        elif token:
            header = f"Bearer {token}"
        else:
            raise NotAuthorised(f"connection {self.connection.name} has no token")
        return replace(request, headers={**request.headers, "Authorization": header})

    def verify(self, call: Call) -> None:
        """Check the callback credentials of the application, where the connection has any."""
        if self._webhook is not None:
            self._webhook.verify(call)

    def challenge(self) -> Response:
        """Ask for the credentials: Bandwidth's first request comes without, and only this header brings them."""
        return CHALLENGE

    def read(self, body: bytes) -> list[News]:
        """Return the news in an array of events."""
        return read_events(body, now=self.now(), mms_receipts=self._mms_receipts)


def _timestamp(message: Message) -> str:
    """Return when a message must no longer be sent, as Bandwidth reads it."""
    return f"{message.valid_until.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{message.valid_until.microsecond // 1000:03}Z"


def _read_token(answer: Response) -> Token:
    body: Mapping[str, Any] = read_json(answer)
    value = body.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
        raise Unavailable("the token answer has no access_token", http_status=answer.status)
    try:
        life = int(body.get("expires_in", _SHORT_LIFE_S))
    except (TypeError, ValueError):
        life = _SHORT_LIFE_S
    return Token(value=value, expires_in_s=max(life, 0))
