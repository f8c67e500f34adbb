"""What is billed for a message (sheet mxtelecom, section 10)."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from broker.domain.status import Status

NUMBERS: Mapping[Status, int] = {
    Status.RETRYING: 1,
    Status.UNCONFIRMED: 2,
    Status.DELIVERED: 3,
    Status.READ: 3,
    Status.EXPIRED: 4,
    Status.REJECTED: 5,
    Status.FAILED: 5,
    Status.UNDELIVERED: 5,
    Status.CANCELLED: 5,
    Status.RELAYED: 6,
}
"""The number of a status in bills; others have none yet."""

FIELDS = (
    "request_id",
    "message_id",
    "account",
    "subaccount",
    "note",
    "from",
    "to",
    "kind",
    "accepted_at",
    "final_at",
    "status",
    "outcome",
    "bytes",
    "parts",
    "units",
    "provider_message_id",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these a spreadsheet begins to calculate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """One message on the bill. `request_id` is what the sender was answered, `parts` counts texts as SMS parts.

    Times are aware UTC; `units` is its price in credits, none where that was given back.
    """

    request_id: str
    message_id: str
    account: str
    subaccount: str
    note: str
    originator: str
    recipient: str
    kind: str
    accepted_at: datetime
    final_at: datetime | None
    outcome: Status
    bytes: int
    parts: int
    units: int
    provider_ref: str | None

    def values(self) -> dict[str, str | int | None]:
        """Return the record by its fields; addresses are digits."""
        return {
            "request_id": self.request_id,
            "message_id": self.message_id,
            "account": self.account,
            "subaccount": self.subaccount,
            "note": self.note,
            "from": self.originator.removeprefix("+"),
            "to": self.recipient.removeprefix("+"),
            "kind": self.kind,
            "accepted_at": _stamp(self.accepted_at),
            "final_at": None if self.final_at is None else _stamp(self.final_at),
            "status": NUMBERS.get(self.outcome),
            "outcome": self.outcome,
            "bytes": self.bytes,
            "parts": self.parts,
            "units": self.units,
            "provider_message_id": self.provider_ref,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingQuery:
    """Which bills are wanted: accepted from `since` on and before `until`, after the message with the id `after`."""

    since: datetime | None = None
    until: datetime | None = None
    after: str | None = None
    limit: int


def csv_text(bills: Iterable[Bill], *, head: bool) -> str:
    """Return bills as CSV (RFC 4180), with or without the line of names; nothing in it can be a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if head:
        writer.writerow(FIELDS)
    for bill in bills:
        writer.writerow([harmless(value) for value in bill.values().values()])
    return out.getvalue()


def moment(text: str, zone: ZoneInfo) -> datetime:
    """Return the time that a date (its first moment in the zone) or an ISO time stands for, without offset a local one.

    Raises:
        ValueError: it is neither, or out of range.
    """
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("no date and no time") from error


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def harmless(value: str | int | None) -> str | int:
    """Return a value of a CSV file so that no spreadsheet takes it for a formula."""
    if not isinstance(value, str):
        return "" if value is None else value
    return "'" + value if value.startswith(_FORMULA) else value
