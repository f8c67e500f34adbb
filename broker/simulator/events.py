"""Webhook events in the carrier's words (bandwidth.md section 3)."""

import itertools
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

Payload = dict[str, Any]

_NAMES: Mapping[int, str] = {
    4001: "service-not-allowed",
    4360: "message-not-sent-expiration-date-passed",
    4403: "rejected-forbidden-from-number",
    4410: "media-unavailable",
    4411: "rejected-message-size-limit-exceeded",
    4412: "media-content-invalid",
    4470: "rejected-spam-detected",
    4476: "blocked-unregistered",
    4702: "destination-subscriber-unavailable",
    4720: "invalid-destination-address",
    4775: "destination-rejected-due-to-user-opt-out",
    4795: "tfn-not-verified",
    5620: "destination-app-error",
    9902: "delivery-receipt-expired",
    9999: "unknown-error",
}

_run = secrets.token_hex(4)
_count = itertools.count(1)


def carrier_id() -> str:
    """Return a message id in the carrier's spelling: 13 digits of milliseconds, then 16 characters."""
    return f"{time.time_ns() // 1_000_000:013d}{_run}{next(_count):08x}"


def stamp() -> str:
    """Return the present instant to the microsecond, as the journal writes it."""
    second, rest = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_to_second(second)}.{rest:06d}Z"


def stamp_ms() -> str:
    """Return the present instant with milliseconds, as most of the carrier's times are written."""
    return f"{stamp()[:-4]}Z"


def stamp_s() -> str:
    """Return the present instant without milliseconds, as some of the carrier's times are written."""
    return f"{_to_second(int(time.time()))}Z"


@lru_cache(maxsize=4)
def _to_second(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).isoformat()[:19]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that the simulator took: the create request, and what the carrier made of it."""

    id: str
    time: str
    body: Mapping[str, Any]

    @property
    def to(self) -> list[str]:
        """Its recipients."""
        recipients: list[str] = self.body["to"]
        return recipients

    @property
    def media(self) -> list[str]:
        """Its media links."""
        return self.body.get("media") or []

    @property
    def is_mms(self) -> bool:
        """Say whether it goes as MMS: it has media, or more than one recipient."""
        return bool(self.body.get("media")) or len(self.body["to"]) > 1

    def shown(self) -> Payload:
        """Return the body of the 202 answer."""
        body = self.body
        shown: Payload = {
            "id": self.id,
            "owner": body["from"],
            "applicationId": body["applicationId"],
            "time": self.time,
            "segmentCount": 1 if self.is_mms else segments(body.get("text", "")),
            "direction": "out",
            "to": body["to"],
            "from": body["from"],
            "text": body.get("text", ""),
            "priority": body.get("priority", "default"),
        }
        for name in ("media", "tag", "expiration"):
            value = body.get(name)
            if value:
                shown[name] = value
        return shown


def segments(text: str) -> int:
    """Return roughly how many parts an SMS takes: the simulator does not know the 7-bit alphabet."""
    size = len(text)
    single, each = (160, 153) if text.isascii() else (70, 67)
    return 1 if size <= single else -(-size // each)


class Kind(StrEnum):
    """Status events, by the carrier's names for them."""

    SENDING = "message-sending"
    DELIVERED = "message-delivered"
    FAILED = "message-failed"


Step = tuple[Sent, str, Kind, int]
"""News that is not due yet: the message, the recipient, what happens, and for a failure the code."""


def status(step: Step) -> Payload:
    """Return one status event."""
    sent, recipient, kind, code = step
    message = sent.shown()
    # Status events carry no text, whatever was sent.
    message["text"] = ""
    event: Payload = {
        "time": stamp_ms(),
        "type": kind,
        "to": recipient,
        "description": "",
        "message": message,
    }
    if kind is Kind.FAILED:
        event["description"] = _NAMES.get(code, "unknown-error")
        event["errorCode"] = code
    elif kind is Kind.SENDING:
        event["description"] = "Message is sending to carrier"
    else:
        event["description"] = "Message delivered to carrier" if sent.is_mms else "ok"
    return event


def received(
    *,
    sender: str,
    to: Sequence[str],
    owner: str,
    application_id: str,
    text: str,
    media: Sequence[str],
    ident: str,
) -> Payload:
    """Return the news of a message that arrived for `owner`."""
    message: Payload = {
        "id": ident,
        "owner": owner,
        "applicationId": application_id,
        "time": stamp_s(),
        "segmentCount": 1 if media else segments(text),
        "direction": "in",
        "to": list(to),
        "from": sender,
        "text": text,
    }
    if media:
        message["media"] = list(media)
    return {
        "time": stamp_ms(),
        "type": "message-received",
        "to": owner,
        "description": "Incoming message received",
        "message": message,
    }
