"""Measure what a crowd of waiting messages costs: in memory, in flow, and for those who wait beside it."""

import asyncio
import json
import os
import signal
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import uvloop

from broker.cli.bench_flow import TooSlow
from broker.cli.bench_report import Figure
from broker.cli.bench_requests import TEXT, sends
from broker.cli.client import Api
from broker.cli.demo_account import SENDER
from broker.cli.folder import Folder
from broker.cli.load import Make, opened
from broker.domain.account import Account
from broker.domain.ids import new_id
from broker.domain.message import Message, Part, PartState
from broker.domain.value import replace
from broker.keyspace.admission import Admission, AdmissionRequest
from broker.keyspace.client import open_sync
from broker.settings import Settings
from broker.storage import provision
from broker.storage.database import Database

NOISY, QUIET = "+12025550160", "+12025550161"
QUIET_RATE = 10
PACED = 20.0
"""What a sender may say in a second, where the crowd is to stay."""
FLOW_COUNT = 15_000
"""Messages whose way to the carrier is timed, with a crowd behind them and without."""
_SETTLE_S = 3.0
"""After this long a change of accounts and connections is known everywhere."""
_WITHIN_S = 300.0
_LEAST_RATE = 300
"""Messages a second that a crowd is waited for at the least."""
_PAGE = 10_000
_TOGETHER = 500
_ROOM = "8gb"


PATTERN = Message(
    id="",
    account="noisy",
    originator=NOISY,
    recipient="",
    text=TEXT,
    created_at=datetime.min.replace(tzinfo=UTC),
    valid_until=datetime.min.replace(tzinfo=UTC),
)


def _part(index: int) -> Part:
    """Return a part as an upload leaves it, which a customer named by its media id."""
    return Part(
        index=index,
        content_type="image/jpeg",
        name=f"picture-{index}.jpg",
        state=PartState.STORED,
        size=250_000,
        sha256=64 * "0",
        path=f"/srv/ringpost/uploads/noisy/{new_id()}/picture-{index}.jpg",
    )


CONTENTS: Mapping[str, tuple[str, Message]] = {
    "short_text": (f"a text of {len(TEXT)} characters", PATTERN),
    "text_of_160": ("a text of 160 characters", replace(PATTERN, text=160 * "t")),
    "text_of_1600": ("a text of 1,600 characters", replace(PATTERN, text=1600 * "t")),
    "text_of_1600_letters": ("a text of 1,600 Greek letters", replace(PATTERN, text=1600 * "\u03c0")),
    "mms_of_1": ("an MMS of one upload", replace(PATTERN, parts=(_part(1),))),
    "mms_of_3": ("an MMS of three uploads", replace(PATTERN, parts=tuple(map(_part, (1, 2, 3))))),
}
"""What is in a message, by the names of the figures."""


class Crowd:
    """The phases, on one running stack."""

    def __init__(self, folder: Folder) -> None:
        found = folder.read_endpoints()
        self._worker = int(found["processes"]["worker"][0])
        self._port = urlsplit(found["ingress"]).port or 0
        self._simulator = Api(found["simulator"])
        # Patient: a crowd is let in as fast as it can be, on a machine that may be busy.
        self._settings = Settings(data_dir=folder.path, redis_url=found["redis"], redis_timeout_s=30)
        self._database = Database(found["database"])
        self._redis: Any = open_sync(found["redis"], self._settings)
        self._redis.config_set("maxmemory", _ROOM)
        self._secret = (folder.path / "secret.key").read_text().strip()
        self._document = tomllib.loads((folder.path / "demo.toml").read_text())
        self._simulator.call(
            "PUT", "/sim/faults", b'{"drop_events": 1}', {"Content-Type": "application/json"}
        )

    def close(self) -> None:
        """Hang up."""
        self._redis.close()
        self._database.close()

    def flow(self, count: int) -> list[Figure]:
        """Say what a waiting message takes in Redis, and how fast messages leave while that many wait."""
        self._provide(None)
        few = min(FLOW_COUNT, count // 2)
        with self._frozen():
            self._admit(few)
        alone = self._drained(few)
        with self._frozen():
            before = self._redis.info("memory")["used_memory"]
            self._admit(count)
            taken = (self._redis.info("memory")["used_memory"] - before) / count
        beside = self._drained(few)
        detail = {
            "waiting": count,
            "alone_per_s": round(alone),
            "beside_per_s": round(beside),
            "text": len(TEXT),
        }
        return [
            Figure(
                name="bytes_per_waiting",
                what=f"Redis memory of each of {count:,} waiting messages",
                value=taken,
                unit="bytes",
                at_most=700,
                detail=detail,
            ),
            Figure(
                name="flow_ratio",
                what=f"messages to the carrier with {count:,} waiting, over those with few",
                value=beside / alone,
                at_least=0.9,
                detail=detail,
            ),
        ]

    def content(self, count: int) -> list[Figure]:
        """Say what a waiting message takes in Redis by what is in it."""
        figures = []
        with self._frozen():
            for name, (what, content) in CONTENTS.items():
                before = self._redis.info("memory")["used_memory"]
                self._admit(count, content)
                taken = (self._redis.info("memory")["used_memory"] - before) / count
                figures.append(
                    Figure(
                        name=f"bytes_per_{name}",
                        what=f"Redis memory of each of {count:,} waiting messages: {what}",
                        value=taken,
                        unit="bytes",
                        detail={"text": len(content.text.encode()), "parts": len(content.parts)},
                    )
                )
        return figures

    def beside(self, count: int, *, paced: bool) -> list[Figure]:
        """Say what a message of a quiet account takes to the carrier while those of a noisy one wait."""
        self._provide(PACED if paced else None)
        alone = self._median_ms()
        with self._frozen():
            self._admit(count)
        if paced:  # it waits in its lane then, and nothing else is done for it
            in_time = max(_WITHIN_S, count / _LEAST_RATE)
            self._await(lambda: not self._redis.zcard("fresh:submit"), "it is not in its lane", in_time)
        beside, left = self._median_ms(), self._redis.zcard("fresh:submit")
        how = f"in a lane of {PACED:g}/s" if paced else "while they leave as fast as they can"
        detail = {"waiting": count, "alone_ms": round(alone, 2), "beside_ms": round(beside, 2), "left": left}
        return [
            Figure(
                name="quiet_p50_ratio" if paced else "quiet_p50_ratio_busy",
                what=f"quiet account's p50 beside {count:,} waiting {how}, over alone",
                value=beside / alone,
                at_most=2,
                detail=detail,
            )
        ]

    def _provide(self, sender_mps: float | None) -> None:
        """Let the two accounts send, each by its own number."""
        connection = self._document["connections"][0]
        paced = {} if sender_mps is None else {"sender_mps": sender_mps}
        document = {
            "accounts": [
                {"name": name, "api_keys": [f"{name}-key"], "senders": [sender]}
                for name, sender in (("noisy", NOISY), ("quiet", QUIET))
            ],
            "connections": [{**connection, "senders": [SENDER, NOISY, QUIET], **paced}],
        }
        self._database.write(lambda sql: provision.apply(sql, document, secret_key=self._secret))
        time.sleep(_SETTLE_S)

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        """Let nothing leave within the block."""
        os.kill(self._worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._worker, signal.SIGCONT)

    def _admit(self, count: int, content: Message = PATTERN) -> None:
        """Admit messages of the noisy account, as the ingress does."""
        uvloop.run(_admit(self._settings, count, content))

    def _drained(self, count: int) -> float:
        """Return how many messages a second reach the carrier, over the middle of the next `count`."""
        first = self._total()
        self._await(lambda: self._total() >= first + count // 10, "nothing flows")
        began, start = time.perf_counter(), self._total()
        self._await(lambda: self._total() >= first + count * 9 // 10, "it flows too slowly")
        return (self._total() - start) / (time.perf_counter() - began)

    def _median_ms(self) -> float:
        """Return how long the quiet account's messages take from the request to the carrier."""
        after, count = self._total(), 15 * QUIET_RATE
        load = opened("127.0.0.1", self._port, _quiet_sends(), connections=8, rate=QUIET_RATE, count=count)
        outcome = uvloop.run(load)
        sent = {
            json.loads(body)["id"]: outcome.sent_at[n]
            for n, body in outcome.bodies.items()
            if b'"id"' in body
        }
        reached: dict[str, float] = {}
        deadline = time.monotonic() + _WITHIN_S
        while len(reached) < len(sent) and time.monotonic() < deadline:
            for entry in self._simulator.get("/sim/journal", after=after, limit=_PAGE)["entries"]:
                after = entry["number"]
                reached |= _reached(entry, sent)
        if not sent or len(reached) < len(sent):
            raise TooSlow(
                f"{len(sent) - len(reached)} of the quiet account's messages did not reach the carrier"
            )
        waits = sorted((at - sent[name]) * 1000 for name, at in reached.items())
        return waits[len(waits) // 2]

    def _total(self) -> int:
        return int(self._simulator.get("/sim/journal", limit=1)["total"])

    def _await(self, question: Any, otherwise: str, within_s: float = _WITHIN_S) -> None:
        deadline = time.monotonic() + within_s
        while not question():
            if time.monotonic() > deadline:
                raise TooSlow(otherwise)
            time.sleep(0.05)


def _reached(entry: Mapping[str, Any], sent: Mapping[str, float]) -> dict[str, float]:
    name = entry["tag"].rpartition(".")[0]
    return {name: datetime.fromisoformat(entry["at"]).timestamp()} if name in sent and entry["id"] else {}


def _quiet_sends() -> Make:
    make = sends("quiet-key")
    return lambda number: make(number).replace(SENDER.encode(), QUIET.encode())


async def _admit(settings: Settings, count: int, content: Message) -> None:
    admission = Admission(settings.redis_url, settings)
    account = Account(name="noisy", senders=(NOISY,))
    for first in range(0, count, 4 * _TOGETHER):
        now = datetime.now(UTC)
        pattern = replace(content, created_at=now, valid_until=now + timedelta(days=1))
        messages = (
            replace(pattern, id=new_id(), recipient=f"+1202555{number % 10_000:04d}")
            for number in range(first, min(first + 4 * _TOGETHER, count))
        )
        await asyncio.gather(
            *(
                admission.admit(AdmissionRequest(account=account, messages=(one,), now=now))
                for one in messages
            )
        )
    await admission.close()
