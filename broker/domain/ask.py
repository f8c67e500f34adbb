"""What calls that do not send ask for, and what they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.domain.folder import Folder
from broker.domain.record import Record


class Handling(StrEnum):
    """What becomes of messages that a customer has fetched."""

    MARK = "mark"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowMessage:
    """One message of the account, by our id or the customer's own; with `files`, the bytes of its stored parts too."""

    id: str
    files: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowArrival:
    """A message that arrived for the account, by its public number, with the bytes of its stored parts."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMessages:
    """What is in a folder: of the inbox the oldest first, of others the newest.

    `unmarked` leaves out what the customer has marked. `then` says what becomes of those that were fetched, once the
    customer has the answer; only the inbox knows that, and nobody else is given them meanwhile.
    """

    folder: Folder
    limit: int
    unmarked: bool = False
    then: Handling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandleMessages:
    """Mark or delete messages, by our ids or the customer's own: in any folder, or only what is in one.

    Deleting what has not been sent yet cancels it. What was deleted before may be deleted again.
    """

    ids: tuple[str, ...]
    handling: Handling
    folder: Folder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowBalance:
    """What is left of an account's credit; without a name, of one's own."""

    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBalance:
    """Add to an account's credit, or set it; without an amount, the account becomes unlimited."""

    account: str | None
    amount: int | None
    add: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is known of a message. `links` lead to its stored parts, `files` hold their bytes, both by index.

    `timezone` is the account's, for dialects that write times without one.
    """

    record: Record
    timezone: str = "UTC"
    links: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is in a folder."""

    messages: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """Those ids, as they were asked for, that are now as they were to be."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is left of an account's credit; None: it is unlimited."""

    account: str
    left: int | None


Ask = ShowMessage | ShowArrival | ListMessages | HandleMessages | ShowBalance | ChangeBalance
Found = Shown | Listing | Handled | Balance
