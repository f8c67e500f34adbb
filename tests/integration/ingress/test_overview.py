"""How everything is at a glance, through a real socket: what the console says, in JSON."""

from contextlib import closing

import pytest

from broker.dialects.native.overview import DEFAULT, WINDOWS
from broker.domain.ids import new_id
from broker.domain.message import Direction
from broker.domain.status import Event, Status
from broker.services import overview
from broker.settings import Settings
from broker.storage import messages
from broker.storage.database import Database
from broker.storage.messages import Fresh, Move
from tests.factories import make_message
from tests.integration.ingress.conftest import KEY, Running
from tests.integration.ingress.test_operations import OPERATOR, VIEWER, WITH_PEOPLE, ask

PATH = "/v1/operators/overview"


def test_the_windows_are_the_ones_that_are_counted() -> None:
    assert tuple(overview.WINDOWS) == WINDOWS
    assert DEFAULT in WINDOWS


async def test_it_tells_what_is_wrong_what_flows_and_what_waits(running: Running, settings: Settings) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert (await ingress.send()).status == 202
        made = [
            make_message(id=new_id(), connection="bandwidth-1", status=status)
            for status in (Status.SUBMITTING, Status.ACCEPTED)
        ]
        came = make_message(id=new_id(), direction=Direction.IN)
        with closing(Database(settings.database)) as database:
            database.write(
                lambda sql: messages.add(
                    sql,
                    [Fresh(message=one, event=None) for one in (*made, came)],
                )
            )
            move = Move(
                id=made[0].id, event=Event.GIVE_UP, at=made[0].created_at, key="1", detail="4470 gone"
            )
            database.write(lambda sql: messages.move(sql, [move]))
        pause = f"{ingress.url}/v1/connections/bandwidth-1/pause"
        async with ingress.client.post(pause, json={"reason": "they asked"}, headers=OPERATOR) as answer:
            assert answer.status == 200
        status, found = await ask(ingress, PATH, window="all")
    assert (status, found["window"], found["since"]) == (200, "all", None)
    (paused,) = [one for one in found["attention"] if "bandwidth-1: Paused" in one["text"]]
    assert (paused["since"] is not None, paused["runbook"]) == (True, None)
    assert found["messages"] == {"out": {"accepted": 1, "failed": 1}, "in": {came.status: 1}}
    (connection,) = found["connections"]
    assert (connection["state"], connection["reason"]) == ("Paused", "they asked")
    (cause,) = found["causes"]
    assert (cause["status"], cause["messages"], found["causes_of"]) == (Status.FAILED, 1, 1)
    assert (found["counted_back_to"], found["counted_as_of"]) == (None, None)
    queues = {one["queue"]: one for one in found["queues"]}
    assert queues["submit"]["waiting"]["admitted"] == 1
    assert queues["submit"]["oldest_s"] >= 0
    assert set(found["rates"]) == {"accepted", "sent", "delivered", "failed"}


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"window": "2h"}, VIEWER, 400),
        ({"widow": "1h"}, VIEWER, 400),
        ({}, {}, 401),
        ({}, {"Authorization": f"Bearer {KEY}"}, 401),
    ],
    ids=["another window", "another parameter", "nobody", "a customer"],
)
async def test_what_cannot_be_answered_is_refused(
    running: Running, settings: Settings, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        found, body = await ask(ingress, PATH, headers, **query)
    assert found == status
    assert body["detail"]
