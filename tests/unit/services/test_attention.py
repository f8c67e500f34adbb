"""What needs a person: since when, what to read about it, and that it is not looked for all the time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.dead import Kind
from broker.domain.shift import Member, Shift
from broker.domain.usage import Usage
from broker.errors import Busy, RecordsAway
from broker.keyspace.census import Census
from broker.services.attention import Attention, Trouble, left, stuck
from broker.services.carrying import Link, State
from broker.settings import Settings
from tests.unit.test_house import ROOT

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EARLIER = datetime(2026, 11, 22, 11, 58, tzinfo=UTC)


def census(**changes: Any) -> Census:
    """A look at a Redis where all is well."""
    usual: dict[str, Any] = {
        "at": NOW.timestamp(),
        "depth": {},
        "oldest_s": dict.fromkeys(Queue, 0.0),
        "unrecorded_s": 0.0,
        "memory_share": 0.1,
        "circuits": {},
        "figures": {},
    }
    return Census(**{**usual, **changes})


def link(state: State, since: datetime | None = EARLIER) -> Link:
    """A connection in some state."""
    usage = Usage(
        name="b-1",
        provider="bandwidth",
        mps=None,
        sender_mps=None,
        mps_unit="message",
        held_at=None,
        held_reason="",
        paused_at=None,
        paused_reason="",
    )
    return Link(usage=usage, state=state, since=since, reason="why")


def member(shift: Shift, began: datetime = EARLIER) -> Member:
    """A worker in some shift."""
    return Member(
        name=f"w-{shift}",
        host="h",
        pid=1,
        queues=("submit",),
        threads=4,
        busy=0,
        done=0,
        failed=0,
        memory=0,
        version="1",
        taken={},
        shift=shift,
        silent_s=20.4,
        began=began,
        up_s=60.0,
        reason="" if shift is Shift.SILENT else "why",
        since=None if shift is Shift.SILENT else EARLIER,
    )


def everything() -> list[Trouble]:
    """One of each trouble."""
    seen = census(
        memory_share=0.9,
        oldest_s={**dict.fromkeys(Queue, 0.0), Queue.MEDIA: 120.4},
        figures={"kept": 2, "held": 1, "circuits_open": 3, "parked": 101, "ledger_difference": 4},
    )
    links = [link(state, None if state is State.OPEN else EARLIER) for state in State]
    crew = [member(shift) for shift in Shift]
    letters = {Kind.MEDIA: 2, Kind.WEBHOOK: 1}
    return [*stuck(seen, links, crew, 0.6), *left(letters, {Kind.MEDIA: EARLIER}, seen)]


def test_each_trouble_says_since_when_as_far_as_that_is_known_and_what_to_read() -> None:
    assert [(one.text.partition(":")[0], one.since, one.runbook) for one in everything()] == [
        ("The ledger differs by 4", None, "LedgerDiffers"),
        ("Redis is 90% full", None, "RedisMemoryHigh"),
        ("Queue media", EARLIER, "BacklogOld"),
        ("b-1", EARLIER, ""),
        ("b-1", EARLIER, ""),
        ("b-1", EARLIER, ""),
        ("b-1", EARLIER, ""),
        ("b-1", EARLIER, "ConnectionHeld"),
        ("b-1", None, "CircuitOpen"),
        ("Worker w-draining", EARLIER, ""),
        ("Worker w-drained", EARLIER, ""),
        ("Worker w-silent", None, "WorkerSilent"),
        ("2 dead letters (media)", EARLIER, "DeadLetters"),
        ("1 dead letter (webhook)", None, "DeadLetters"),
        ("Carriers' news that fits no message", None, "NewsParked"),
        ("Callbacks given up", None, "CallbacksGivenUp"),
        ("Callbacks held, since their addresses said 410", None, "CallbacksGivenUp"),
        ("Callbacks to endpoints that do not answer; endpoints", None, "CallbacksFail"),
    ]


def test_what_is_to_be_read_is_there() -> None:
    named = {one.runbook for one in everything() if one.runbook} | {"RefusalsMany"}
    assert [name for name in named if not (ROOT / "docs" / "runbooks" / f"{name}.md").is_file()] == []


def test_where_all_is_well_there_is_nothing() -> None:
    crew = [member(Shift.WORKING), member(Shift.RESUMING)]
    usual = census(figures={"parked": 100, "ledger_difference": 0})
    assert [*stuck(usual, [link(State.READY)], crew, 0.6), *left({Kind.MEDIA: 0}, {}, usual)] == []


def test_a_worker_that_fell_silent_and_was_started_anew_needs_nobody() -> None:
    crew = [member(Shift.SILENT), member(Shift.WORKING, began=NOW)]
    assert [*stuck(census(), [], crew, 0.6)] == []
    assert [one.runbook for one in stuck(census(), [], crew[:1], 0.6)] == ["WorkerSilent"]
    older = [member(Shift.SILENT), member(Shift.WORKING, began=EARLIER - timedelta(hours=1))]
    assert len([*stuck(census(), [], older, 0.6)]) == 1, "two of the same kind ran, and one of them is silent"


class Away:
    """Connections that cannot be read."""

    def __init__(self) -> None:
        self.asked = 0

    async def all(self) -> Any:
        """Count who asks, and fail."""
        self.asked += 1
        raise RecordsAway("accounts cannot be read now")


@pytest.mark.asyncio
async def test_that_nobody_can_say_is_found_out_once_for_all_pages() -> None:
    away: Any = Away()
    nothing: Any = None
    attention = Attention(nothing, nothing, away, nothing, Settings())
    for _ in range(3):
        with pytest.raises(Busy, match="accounts cannot be read now"):
            await attention.look()
    assert away.asked == 1
