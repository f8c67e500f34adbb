"""What calls that do not send ask for, and what they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.domain.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowMessage:
    """One message of the account, by our id; with `files`, the bytes of its stored parts too."""

    id: str
    files: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is known of a message. `links` lead to its stored parts, `files` hold their bytes, both by index."""

    record: Record
    links: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[int, bytes] = field(default_factory=dict, repr=False)


Ask = ShowMessage
Found = Shown
