"""What operators may see of news that fits nothing, and of the journal, through a real socket."""

import json
from datetime import timedelta
from typing import Any

import pytest

from broker.domain.event import Inbound, Report
from broker.domain.status import Event
from broker.services import receive, reports
from broker.settings import Settings
from broker.storage import parked, webhooks
from broker.storage.webhooks import Webhook
from tests.factories import NOW, NOW_MS
from tests.integration.ingress.conftest import KEY, Ingress, Running
from tests.integration.ingress.test_letters import write
from tests.integration.ingress.test_operations import OPERATOR, VIEWER, WITH_PEOPLE, ask
from tests.integration.workers.test_journal import inbound

PARKED, REPLAY = "/v1/webhooks/parked", "/v1/webhooks/replay"
STRETCH = {"from": "2026-11-21T00:00:00Z", "until": "2026-11-22T00:00:00Z"}


def park(settings: Settings) -> None:
    """Park a report and an arrival."""
    report = Report(
        event=Event.DELIVER,
        at=NOW,
        key="k",
        message_id="m-1",
        provider_ref="carrier-1",
        recipient="+12025550101",
    )
    arrival = Inbound(
        provider_ref="in-1",
        originator="+12025550101",
        recipient="+12025550177",
        at=NOW,
        key="i",
        text="secret",
    )
    came = ("bandwidth-1", arrival, "digest")
    write(
        settings,
        lambda sql: parked.park(
            sql,
            [
                *reports.park([("bandwidth-1", report, "digest")], now_ms=NOW_MS),
                *receive.receive(sql, [came], {}, now_ms=NOW_MS, settings=settings).quarantined,
            ],
        ),
    )


def keep(settings: Settings, *bodies: bytes) -> None:
    """Put webhooks into the journal that nobody has understood."""
    rows = [
        Webhook(
            digest=f"d{n}", connection="bandwidth-1", at=NOW + timedelta(seconds=n), body=body, verdict="?"
        )
        for n, body in enumerate(bodies)
    ]
    write(settings, lambda sql: webhooks.keep(sql, rows))


async def again(ingress: Ingress, headers: dict[str, str] = OPERATOR, **query: str) -> Any:
    async with ingress.client.post(f"{ingress.url}{REPLAY}", headers=headers, params=query) as answer:
        return answer.status, await answer.json()


async def test_parked_news_is_listed_without_content_or_whole_numbers(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        park(settings)
        status, page = await ask(ingress, PARKED)
        assert status == 200
        report, arrival = page["data"]
        assert report == {
            "id": report["id"],
            "kind": "report",
            "connection": "bandwidth-1",
            "at": "2026-11-21T12:00:00.000Z",
            "event": "deliver",
            "message_id": "m-1",
            "provider_ref": "carrier-1",
            "from": None,
            "to": "+1202***0101",
            "reason": "no such message",
            "looked_at_again": True,
        }
        assert (arrival["kind"], arrival["from"], arrival["to"]) == (
            "arrival",
            "+1202***0101",
            "+1202***0177",
        )
        assert "secret" not in json.dumps(page)
        first = (await ask(ingress, f"{PARKED}?limit=1"))[1]
        rest = (await ask(ingress, f"{PARKED}?limit=1&cursor={first['next_cursor']}"))[1]
        assert first["data"] + rest["data"] == page["data"]
        assert rest["next_cursor"] is None
        only = (await ask(ingress, f"{PARKED}?kind=arrival&connection=bandwidth-1"))[1]
        assert only["data"] == [arrival]
        assert (await ask(ingress, f"{PARKED}?since=2026-11-22T00:00:00Z"))[1]["data"] == []


async def test_webhooks_are_read_again_and_count_once(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        keep(settings, inbound("in-1", text="hello"), b"[")
        status, done = await again(ingress, **STRETCH)
        assert status == 200
        assert done == {"webhooks": 2, "moved": 0, "arrived": 1, "parked": 0, "next_cursor": None}
        assert (await again(ingress, **STRETCH, connection="bandwidth-1"))[1]["arrived"] == 0
        async with ingress.client.get(
            f"{ingress.url}/v1/messages?direction=in", headers={"Authorization": f"Bearer {KEY}"}
        ) as answer:
            assert [row["text"] for row in (await answer.json())["data"]] == ["hello"]


async def test_a_long_stretch_is_read_page_by_page(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        keep(settings, *(b"%d" % n for n in range(250)))
        first = (await again(ingress, **STRETCH))[1]
        rest = (await again(ingress, **STRETCH, cursor=first["next_cursor"]))[1]
        assert (first["webhooks"], rest["webhooks"], rest["next_cursor"]) == (200, 50, None)


@pytest.mark.parametrize(
    "query",
    [
        {"from": STRETCH["from"]},
        {"until": STRETCH["until"]},
        {"from": STRETCH["until"], "until": STRETCH["from"]},
        {**STRETCH, "from": "yesterday"},
        {**STRETCH, "cursor": "%%%"},
        {**STRETCH, "cursor": "WzFd"},
        {**STRETCH, "colour": "red"},
    ],
    ids=str,
)
async def test_a_stretch_that_makes_no_sense_is_refused(
    running: Running, settings: Settings, query: dict[str, str]
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        keep(settings, inbound("in-1"))
        assert (await again(ingress, **query))[0] == 400
        assert (await ask(ingress, f"{PARKED}?cursor=x"))[0] == 400
        assert (await ask(ingress, f"{PARKED}?kind=x"))[0] == 400


async def test_who_may_only_look_reads_nothing_again_and_strangers_see_nothing(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert (await again(ingress, VIEWER, **STRETCH))[0] == 403
        assert (await ask(ingress, PARKED, VIEWER))[0] == 200
        assert (await ask(ingress, PARKED, {"Authorization": f"Bearer {KEY}"}))[0] == 401
