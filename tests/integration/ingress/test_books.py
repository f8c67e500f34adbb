"""The ledger as operators and metrics see it, through a real socket."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.ledger import Line, Standing
from broker.ingress.metrics import Meter
from broker.keyspace.census import Census
from broker.services.standing import Standing as Shared
from broker.settings import Settings
from broker.storage import ledger
from broker.storage.database import Database
from tests.integration.ingress.conftest import KEY, Running
from tests.integration.ingress.test_operations import WITH_PEOPLE, ask

NOW = datetime.now(UTC).replace(microsecond=0)


def checked(settings: Settings, *lines: dict[str, Any]) -> None:
    usual = {"hour": NOW, "accepted": 9, "difference": 0, "checked_at": NOW}
    usual["standing"] = Standing(waiting=1, in_flight=2, final=3, parked=3)
    database = Database(settings.database)
    database.write(lambda sql: ledger.keep(sql, [Line(**{**usual, **line}) for line in lines]))
    database.close()


async def test_the_ledger_is_shown_by_account_and_hour_with_one_number(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        checked(settings, {"account": "acme", "difference": 4}, {"account": "globex", "difference": -1})
        status, body = await ask(ingress, "/v1/ledger")
        stamp = NOW.isoformat(timespec="milliseconds")[:-6] + "Z"
        assert status == 200
        assert body["difference"] == 5
        assert body["data"][0] == {
            "account": "acme",
            "hour": stamp,
            "accepted": 9,
            "waiting": 1,
            "in_flight": 2,
            "final": 3,
            "parked": 3,
            "difference": 4,
            "checked_at": stamp,
        }
        _, body = await ask(ingress, "/v1/ledger", account="globex")
        assert [row["account"] for row in body["data"]] == ["globex"]


async def test_the_ledger_goes_back_as_far_as_is_asked(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        checked(settings, {"account": "acme", "hour": NOW - timedelta(days=3)})
        _, body = await ask(ingress, "/v1/ledger")
        assert body["data"] == []
        _, body = await ask(ingress, "/v1/ledger", since=(NOW - timedelta(days=4)).isoformat())
        assert len(body["data"]) == 1


@pytest.mark.parametrize("query", [{"since": "long ago"}, {"until": "2026-01-01"}])
async def test_a_question_that_cannot_be_meant_is_refused(
    running: Running, settings: Settings, query: dict[str, str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, _ = await ask(ingress, "/v1/ledger", **query)
        assert status == 400


async def test_customers_do_not_see_the_ledger(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, _ = await ask(ingress, "/v1/ledger", {"Authorization": f"Bearer {KEY}"})
        assert status == 401


def shown(figures: dict[str, int]) -> dict[tuple[str, ...], float]:
    """Return what every process shows of figures that workers counted, 30 s later."""
    meter = Meter()
    standing = Shared(meter, held=dict, sql=lambda: True)
    now = time.time()
    if "ledger_checked_ms" in figures:
        figures = {**figures, "ledger_checked_ms": round((now - 30) * 1000)}
    idle = dict.fromkeys(Queue, 0.0)
    standing.see(
        Census(at=now, depth={}, oldest_s=idle, unrecorded_s=0, memory_share=0, circuits={}, figures=figures)
    )
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in meter.collect()
        for sample in metric.samples
    }


def test_the_metrics_tell_the_one_number() -> None:
    told = shown({"ledger_difference": 3, "ledger_parked": 2, "ledger_checked_ms": 1, "dead_webhook": 7})
    assert told["broker_ledger_difference",] == 3
    assert told["broker_ledger_messages", "parked"] == 2
    assert told["broker_ledger_age_seconds",] == pytest.approx(30, abs=0.1)
    assert told["broker_dead_letters", "events"] == 7


def test_a_ledger_that_was_never_checked_has_no_age() -> None:
    told = shown({})
    assert ("broker_ledger_difference",) in told
    assert ("broker_ledger_age_seconds",) not in told
