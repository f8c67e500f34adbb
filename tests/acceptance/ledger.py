"""What customers were told, what the carrier took, and what the records say, side by side."""

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Any

from broker.domain.status import ENDS, Event, Status, advance
from tests.acceptance.load import Load
from tests.acceptance.stack import WITHIN_S, Stack

Record = dict[str, Any]
SAMPLE = 40
"""How many records are read whole, beside those of repeated messages."""


class Ledger:
    """The books of one load, closed: every message has come to an end."""

    def __init__(
        self,
        stack: Stack,
        load: Load,
        *,
        ends: AbstractSet[Status] = ENDS,
        within_s: float = WITHIN_S,
    ) -> None:
        self._stack = stack
        self._load = load
        self._ends = ends
        self.told: AbstractSet[str] = load.finish()
        stack.until(self._ended, within_s=within_s)
        self.created = Counter(message_of(entry["tag"]) for entry in creates(stack, load.label))
        repeated = {name for name, count in self.created.items() if count > 1}
        read = sorted(repeated) + sorted(self.told - repeated)[:: max(1, len(self.told) // SAMPLE)]
        self.records = {name: stack.get(f"/v1/messages/{name}", account=load.account) for name in read}
        self.repeated = {name: self.records[name] for name in repeated}

    def balance(self) -> None:
        """Check that nothing is lost, nothing came from nowhere, no repeat is hidden, no status went back."""
        assert self.told - self.created.keys() == set(), "lost"
        self.check()

    def check(self) -> None:
        """Check what must hold of messages that may end unsent, too."""
        assert self.created.keys() - self.told == set(), "sent, but nobody was told"
        hidden = [name for name, record in self.repeated.items() if not record["possible_duplicate"]]
        assert hidden == [], "repeated, and the record does not say so"
        for record in self.records.values():
            assert_forward(record)

    def _ended(self) -> bool:
        self.statuses = statuses(self._stack, self._load.account, self.told)
        assert self.told - self.statuses.keys() == set(), "an id that was given out is not found"
        return all(Status(status) in self._ends for status in self.statuses.values())


def creates(stack: Stack, label: str) -> list[Record]:
    """Return the create requests of a load that the carrier took."""
    entries = stack.carrier("GET", "/sim/journal?limit=100000")["entries"]
    return [entry for entry in entries if entry["id"] and entry["text"].startswith(f"{label} ")]


def message_of(tag: str) -> str:
    """Return the message of a tag, which is `<id>.<attempt>`."""
    return tag.rpartition(".")[0]


def statuses(stack: Stack, account: str, ids: AbstractSet[str]) -> dict[str, str]:
    """Return the statuses of messages, by page or, where SQL does not list them yet, by id."""
    found: dict[str, str] = {}
    cursor, oldest = "", min(ids)
    while True:
        page = stack.get(f"/v1/messages?limit=200&direction=out{cursor}", account=account)
        found |= {one["id"]: one["status"] for one in page["data"]}
        if not page["next_cursor"] or page["data"][-1]["id"] < oldest:
            break
        cursor = f"&cursor={page['next_cursor']}"
    for name in sorted(ids - found.keys()):
        found[name] = stack.get(f"/v1/messages/{name}", account=account)["status"]
    return {name: found[name] for name in ids}


def assert_forward(record: Record) -> None:
    """Check that each event that set a status could follow the status before it."""
    status: Status | None = Status.ACCEPTED
    for event in record["events"]:
        if event["status"] is not None and event["type"] != Event.ADMIT:
            status = status and advance(status, Event(event["type"]))
            assert status == event["status"], record["events"]
    assert status == record["status"], record["events"]
