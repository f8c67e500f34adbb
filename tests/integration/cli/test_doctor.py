"""`doctor` says who hears the queues and whether a scheduler leads, as Redis knows it."""

from collections.abc import Mapping

import orjson
import pytest

from broker.cli.checks import store
from broker.cli.doctor import Level, examine
from broker.cli.folder import Folder
from broker.dispatch import Queue
from broker.domain.shift import Shift
from broker.domain.value import replace
from broker.keyspace import keys
from broker.keyspace.client import open_sync
from broker.keyspace.presence import Presence
from broker.settings import Settings
from tests.integration.workers.test_presence import ONE

ALL = tuple(sorted(Queue))


def said(settings: Settings, endpoints: Mapping[str, object]) -> dict[str, list[tuple[Level, str]]]:
    """Return what is said of workers and scheduler."""
    patient = replace(examine(Folder(settings.data_dir), settings), endpoints=endpoints)
    found: dict[str, list[tuple[Level, str]]] = {}
    for one in store.redis(patient):
        if one.check in ("workers", "scheduler"):
            found.setdefault(one.check, []).append((one.level, one.detail))
    return found


def test_where_every_queue_is_heard_and_one_leads_all_is_well(settings: Settings) -> None:
    with open_sync(settings.redis_url, settings) as client:
        Presence(client).say(replace(ONE, queues=ALL))
        client.set(keys.leader(), "one")
    assert said(settings, {}) == {
        "workers": [(Level.OK, "every queue is heard")],
        "scheduler": [(Level.OK, "one is active")],
    }


@pytest.mark.parametrize("ago_ms", [None, 60_000], ids=["away", "silent"])
def test_a_queue_that_nobody_hears_is_named(settings: Settings, ago_ms: int | None) -> None:
    with open_sync(settings.redis_url, settings) as client:
        known = Presence(client)
        known.say(replace(ONE, name="other", queues=tuple(set(ALL) - {Queue.SUBMIT})))
        if ago_ms:
            told = {"name": "w", "queues": ["submit"], "seen_ms": known.now_ms() - ago_ms}
            client.hset(
                keys.workers(),
                "w",
                orjson.dumps({**orjson.loads(client.hget(keys.workers(), "other")), **told}),
            )
    found = said(settings, {})
    ((level, detail),) = found["workers"]
    assert level is Level.FAIL
    assert detail.startswith(
        "submit: its worker has been silent for 6" if ago_ms else "submit: no worker hears it"
    )
    assert found["scheduler"] == [(Level.FAIL, "none is active")]


def test_a_worker_that_drains_hears_no_queue(settings: Settings) -> None:
    with open_sync(settings.redis_url, settings) as client:
        Presence(client).say(replace(ONE, queues=ALL, shift=Shift.DRAINED))
        client.set(keys.leader(), "one")
    found = said(settings, {})["workers"]
    assert found == [(Level.FAIL, f"{queue}: no worker hears it") for queue in Queue]


def test_nobody_is_missed_where_nothing_is_meant_to_run(settings: Settings) -> None:
    assert said(settings, {}) == {}
    assert len(said(settings, {"ingress": "http://127.0.0.1:1"})["workers"]) == len(ALL)
