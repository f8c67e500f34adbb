"""What is handed to a carrier, held against what the carrier takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.domain.address import is_toll_free
from broker.domain.content_type import canonical
from broker.domain.message import Message
from broker.errors import Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One part on its way out: `data` where the provider uploads it, `url` where the carrier fetches it from us."""

    name: str
    content_type: str
    size: int
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One attempt to hand a message over; `tag` is "<message or batch id>.<attempt>", for the carrier to echo."""

    message: Message
    recipients: tuple[str, ...]
    tag: str
    parts: tuple[Outgoing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token and its life in seconds, as the carrier gave them."""

    value: str = field(repr=False)
    expires_in_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a carrier takes. Sizes are in bytes, `text` in characters."""

    parts: int
    part_bytes: int
    total_bytes: int
    toll_free_bytes: int
    recipients: int
    toll_free_recipients: int
    text: int
    content_types: frozenset[str]

    def message_bytes(self, originator: str) -> int:
        """Return the most bytes that all parts of a message from `originator` may have together."""
        return self.toll_free_bytes if is_toll_free(originator) else self.total_bytes

    def group_recipients(self, originator: str) -> int:
        """Return the most recipients of one group message from `originator`; 1 means no groups."""
        return self.toll_free_recipients if is_toll_free(originator) else self.recipients

    def enforce(self, submission: Submission, *, text: str, parts: Sequence[Outgoing]) -> None:
        """Refuse what the carrier would refuse, before anything is sent.

        Raises:
            Rejected: a limit is broken; its code is `limit`.
        """
        originator = submission.message.originator
        if not text and not parts:
            raise Rejected("there is neither text nor media to send", code="limit")
        if len(text) > self.text:
            raise Rejected(f"text is longer than {self.text} characters", code="limit")
        most = self.group_recipients(originator)
        if len(submission.recipients) > most:
            raise Rejected(f"a group from this sender may have {most} recipients", code="limit")
        if parts:
            self._enforce_parts(parts, self.message_bytes(originator))

    def _enforce_parts(self, parts: Sequence[Outgoing], most: int) -> None:
        if len(parts) > self.parts:
            raise Rejected(f"there are more than {self.parts} parts", code="limit")
        for part in parts:
            if canonical(part.content_type) not in self.content_types:
                raise Rejected(f"{canonical(part.content_type)} is not a type for phones", code="limit")
            if part.size > self.part_bytes:
                raise Rejected(f"a part is larger than {self.part_bytes} bytes", code="limit")
        if sum(part.size for part in parts) > most:
            raise Rejected(f"the parts are larger than {most} bytes together", code="limit")
