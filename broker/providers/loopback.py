"""A make-believe carrier with a small protocol of its own."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import orjson

from broker.domain.content_type import CARRIED
from broker.domain.event import Inbound, News, Report, Unread
from broker.domain.ids import is_id
from broker.domain.message import Receipt
from broker.domain.status import Event
from broker.domain.value import replace
from broker.domain.wire import Call, Conversation, Request, Response
from broker.errors import Unreadable
from broker.providers.answers import check, read_json
from broker.providers.base import Limits, Outgoing, Provider, Submission
from broker.providers.basic import CHALLENGE
from broker.providers.config import Config

_EVENTS: Mapping[str, Event] = {
    "relayed": Event.HAND_OFF,
    "delivered": Event.DELIVER,
    "undelivered": Event.MISS,
    "expired": Event.EXPIRE,
    "unconfirmed": Event.UNCONFIRM,
    "read": Event.OPEN,
}


class Loopback(Provider):
    """One call per message, `POST <base_url>/messages`, everything inline:

        {"tag", "from", "to": ["+1..."], "subject", "text", "parts": [{"name", "type", "url" | "data" (Base64)}]}

    Any 2xx answer is "I have it", `{"ref": "..."}` names it. Webhooks are arrays of

        {"event": "delivered", "ref", "tag", "to": "+1...", "at": "...Z", "code"}
        {"event": "received", "ref", "from", "to": "+1...", "at": "...Z", "text", "media": ["https://..."]}

    Settings beside `base_url`: `username`, `password` of our calls and `webhook_username`, `webhook_password` of
    its, all Basic; where a pair is absent, nothing is shown, or asked.
    """

    name = "loopback"
    limits: ClassVar[Limits] = Limits(
        parts=20,
        part_bytes=8_000_000,
        total_bytes=20_000_000,
        toll_free_bytes=20_000_000,
        recipients=100,
        toll_free_recipients=100,
        text=10_000,
        content_types=CARRIED,
    )

    def configure(self, config: Config) -> None:
        """Read the two pairs of credentials."""
        self.create_url = f"{self.base_url}/messages"
        self._ours = config.basic("username", "password")
        self._theirs = config.basic("webhook_username", "webhook_password")

    def submit(self, submission: Submission) -> Conversation[Receipt]:
        """Send everything in one call."""
        message = submission.message
        self.limits.enforce(submission, text=message.text or message.subject, parts=submission.parts)
        body = {
            "tag": submission.tag,
            "from": message.originator,
            "to": list(submission.recipients),
            "subject": message.subject,
            "text": message.text,
            "parts": [_inline(part) for part in submission.parts],
        }
        answer = yield Request(
            method="POST",
            url=self.create_url,
            headers={"Content-Type": "application/json"},
            body=orjson.dumps(body),
            credentials=True,
        )
        check(answer, now=self.now(), hide=(message.text, message.subject))
        reference = read_json(answer).get("ref")
        return Receipt(
            provider_ref=reference if isinstance(reference, str) and reference else None,
            http_status=answer.status,
        )

    def is_create(self, request: Request) -> bool:
        """Say whether this is the one call there is."""
        return request.method == "POST" and request.url == self.create_url

    def authorise(self, request: Request, token: str | None) -> Request:  # noqa: ARG002 - it has none
        """Return the request with a Basic header, where the connection has credentials."""
        if self._ours is None:
            return request
        return replace(request, headers={**request.headers, "Authorization": self._ours.header})

    def verify(self, call: Call) -> None:
        """Check the webhook credentials, where the connection has any."""
        if self._theirs is not None:
            self._theirs.verify(call)

    def challenge(self) -> Response:
        """Ask for the credentials."""
        return CHALLENGE

    def read(self, body: bytes) -> list[News]:
        """Return the news in an array."""
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Unreadable("the body is not JSON") from error
        if not isinstance(value, list):
            raise Unreadable("the body is no array")
        return [_read(element, now=self.now()) for element in value]


def _inline(part: Outgoing) -> dict[str, str]:
    where = {"url": part.url or ""} if part.data is None else {"data": b64encode(part.data).decode()}
    return {"name": part.name, "type": part.content_type, **where}


def _read(element: object, *, now: datetime) -> News:
    fields: Mapping[str, Any] = element if isinstance(element, dict) else {}
    texts = {key: value for key, value in fields.items() if isinstance(value, str)}
    kind, reference, to = (texts.get(key, "") for key in ("event", "ref", "to"))
    key = f"{kind}:{reference}:{to}:{texts.get('code', '')}"
    if kind == "received" and reference and to and "from" in texts:
        media = fields.get("media")
        return Inbound(
            provider_ref=reference,
            originator=texts["from"],
            recipient=to,
            at=_time(texts.get("at", ""), now),
            key=key,
            text=texts.get("text", ""),
            media=tuple(url for url in media if isinstance(url, str)) if isinstance(media, list) else (),
        )
    if kind not in _EVENTS or not reference:
        return Unread(kind=kind[:64] or "without event")
    message_id, _, attempt = texts.get("tag", "").partition(".")
    ours = is_id(message_id)
    return Report(
        event=_EVENTS[kind],
        at=_time(texts.get("at", ""), now),
        key=key,
        message_id=message_id if ours else None,
        attempt=int(attempt) if ours and attempt.isascii() and attempt.isdigit() else None,
        provider_ref=reference,
        recipient=to or None,
        code=texts.get("code", ""),
    )


def _time(text: str, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return now
    return at if at.tzinfo else now
