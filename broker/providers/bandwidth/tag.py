"""The tag that Bandwidth echoes in every event of a message."""

import re
from dataclasses import dataclass

_OURS = re.compile(
    r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\.(?P<attempt>[0-9]{1,6}))?(?P<mms>\.m)?"
)
_MMS = ".m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What our own tag says when it comes back; all empty for another's."""

    message_id: str | None = None
    attempt: int | None = None
    is_mms: bool = False


_FOREIGN = Echo()


def marked(tag: str) -> str:
    """Return a tag that also tells its events that they are of a multimedia message."""
    return tag + _MMS


def read_tag(tag: object) -> Echo:
    """Return what an echoed tag says; a foreign one is nobody's news of ours."""
    found = _OURS.fullmatch(tag) if isinstance(tag, str) else None
    if found is None:
        return _FOREIGN
    attempt = found["attempt"]
    return Echo(
        message_id=found["id"],
        attempt=None if attempt is None else int(attempt),
        is_mms=found["mms"] is not None,
    )
