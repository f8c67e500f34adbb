"""The draft: a send request as the customer meant it, before it is ours."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.message import Priority, Tag
from broker.domain.value import value


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRef:
    """One thing to send along: exactly one of `url`, `media_id`, `path` (in the account's outbox) or `data`.

    `pointer` is where the request named it, for the error that may follow.
    """

    url: str | None = None
    media_id: str | None = None
    path: str | None = None
    data: bytes | None = None
    content_type: str = ""
    name: str = ""
    pointer: str = ""


@value
class Draft:
    """A parsed send request. Addresses are as typed; they are normalised with the account's country later.

    `several` says the request gave a list, so the answer is one too, whatever its length. With `wall_clock`, the times
    came without a zone: they are marked UTC but mean the account's own (`broker.domain.validity` settles them).
    `key` is the idempotency key and `digest` the fingerprint of what must not change under it.

    `numbered` asks for a public number for the request; such a request has no key. `note`, `subaccount` and `reports`
    (a sum of `Reports`) are kept with each message. `package` is a zip that holds the content, `package_url` where
    one is to be had, in place of `text` and `media`. `pieces` is a text that was cut up: each becomes a message.
    `trace` is the `traceparent` of the request, where it is traced.
    """

    recipients: tuple[str, ...]
    several: bool = False
    originator: str | None = None
    text: str = ""
    subject: str = ""
    media: tuple[MediaRef, ...] = ()
    group: bool = False
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    valid_until: datetime | None = None
    wall_clock: bool = False
    validity_s: int = 24 * 3600
    reference: str | None = None
    tags: tuple[Tag, ...] = ()
    callback_url: str | None = None
    connection: str | None = None
    key: str | None = None
    digest: str = ""
    numbered: bool = False
    note: str = ""
    subaccount: str = ""
    reports: int = 0
    package: bytes | None = None
    package_url: str | None = None
    pieces: tuple[str, ...] = ()
    trace: str = ""

    @property
    def is_mms(self) -> bool:
        """Say whether it needs the multimedia service."""
        return bool(
            self.media
            or self.subject
            or self.group
            or self.package is not None
            or self.package_url is not None
        )
