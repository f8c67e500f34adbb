"""Compares what the console, the metrics and a connection's counters say with SQL, once nothing moves any more."""

import base64
import http.cookiejar
import json
import re
import urllib.request
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from prometheus_client.parser import text_string_to_metric_families

from broker.cli.chaos.roster import CONNECTION
from broker.domain.folder import counters_of, folder_of
from broker.domain.message import Direction
from broker.domain.status import ENDS, Status
from broker.storage import browsing, dead, folders, parked, told
from broker.storage.database import Database

_WITHIN_S = 20
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_ROW = re.compile(
    r'class="tag \w*" href="/console/messages\?direction=(in|out)&amp;status=(\w+)">'
    r'.*?</a></td>(?:<td></td>)?<td class="number">([\d,]+)</td>',
    re.DOTALL,
)
_TILE = re.compile(r'counter=(\w+)"><b>([\d,]+)</b>')

Figures = Mapping[str, float]


class Counts:
    """One place's figures beside those of SQL. `operator` is a name and password, with a colon between."""

    def __init__(self, *, ingress: str, operator: str, database: str, connection: str = CONNECTION) -> None:
        self._ingress = ingress
        self._operator = operator
        self._database = database
        self._connection = connection

    def differences(self, pages: Collection[str] = ()) -> list[str]:
        """Return what is not the same everywhere; `pages` are the metrics of processes that have lived all along."""
        database = Database(self._database)
        try:
            statuses = database.read(partial(browsing.counts, since=None))
            carried = database.read(partial(folders.count, name=self._connection))
            standing = {
                **database.read(told.counts),
                "dead": sum(database.read(dead.counts).values()),
                "parked": sum(database.read(parked.counts).values()),
            }
        finally:
            database.close()
        found = [
            *self._metrics(statuses, standing),
            *self._counters(carried),
            *self._console(statuses, carried),
        ]
        return found + (_ended(pages, statuses) if pages else [])

    def _metrics(
        self, statuses: Mapping[tuple[Direction, Status], int], standing: Mapping[str, int]
    ) -> Iterator[str]:
        seen = _samples(_read(f"{self._ingress}/metrics"))
        out = {status: number for (way, status), number in statuses.items() if way is Direction.OUT}
        final = sum(number for status, number in out.items() if status in ENDS)
        whole = sum(out.values())
        ledger = {place: seen[f"broker_ledger_messages place={place}"] for place in ("accepted", "final")}
        moving = sum(
            seen[f"broker_ledger_messages place={place}"] for place in ("waiting", "in_flight", "parked")
        )
        yield from _same("metrics: accepted", ledger["accepted"], whole)
        yield from _same("metrics: final", ledger["final"], final)
        yield from _same("metrics: on their way", moving, whole - final)
        waits = sum(
            number
            for name, number in seen.items()
            if name.startswith("broker_queue_depth queue=submit")
            and name.endswith(("=admitted", "=ready", "=lane", "=scheduled"))
        )
        yield from _same("metrics: queue depth", waits, 0 if whole == final else waits)
        for name, state in (("owed", "owed"), ("held", "held"), ("kept", "given_up")):
            said = seen[f"broker_callbacks_waiting state={state}"]
            yield from _same(f"metrics: callbacks {state}", said, standing.get(name, 0))
        letters = sum(number for name, number in seen.items() if name.startswith("broker_dead_letters"))
        yield from _same("metrics: dead letters", letters, standing["dead"])
        yield from _same("metrics: parked news", seen["broker_parked_news"], standing["parked"])

    def _counters(self, carried: folders.Counts) -> Iterator[str]:
        login = base64.b64encode(self._operator.encode()).decode()
        url = f"{self._ingress}/v1/connections/{self._connection}/counters"
        said = json.loads(_read(url, {"Authorization": f"Basic {login}"}))
        counters, within = _counted(carried)
        for name, number in said["counters"].items():
            yield from _same(f"counters: {name}", number, counters[name])
        for name, number in said["folders"].items():
            yield from _same(f"folders: {name}", number, within[name])

    def _console(
        self, statuses: Mapping[tuple[Direction, Status], int], carried: folders.Counts
    ) -> Iterator[str]:
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        page = partial(_read, opener=opener)
        sign_in = f"{self._ingress}/console/sign-in"
        (token, *_) = _TOKEN.findall(page(sign_in))
        name, _, password = self._operator.partition(":")
        form = {"token": token, "name": name, "password": password, "next": "/console/?window=all"}
        overview = page(sign_in, {"Origin": self._ingress}, urlencode(form).encode())
        said = {(way, status): _number(text) for way, status, text in _ROW.findall(overview)}
        for way, status in said.keys() | statuses.keys():
            yield from _same(
                f"console: {way} {status}",
                said.get((way, status), 0),
                statuses.get((Direction(way), Status(status)), 0),
            )
        counters, _ = _counted(carried)
        tiles = _TILE.findall(page(f"{self._ingress}/console/connections/{self._connection}"))
        for counter, text in tiles:
            yield from _same(f"console: {counter}", _number(text), counters[counter])
        yield from _same("console: counters", len(tiles), len(set(dict(tiles))))


def _ended(pages: Collection[str], statuses: Mapping[tuple[Direction, Status], int]) -> list[str]:
    """Compare the ends that processes have counted with those on record."""
    said: Counter[str] = Counter()
    for url in pages:
        for family in text_string_to_metric_families(_read(url)):
            for sample in family.samples:
                if sample.name == "broker_messages_final_total":
                    said[sample.labels["status"]] += round(sample.value)
    ends = {str(status): number for (_, status), number in statuses.items() if status in ENDS}
    return [
        one
        for name in sorted(said.keys() | ends)
        for one in _same(f"ended: {name}", said[name], ends.get(name, 0))
    ]


def _counted(carried: folders.Counts) -> tuple[Counter[str], Counter[str]]:
    counters: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for (direction, status, taken, deleted), number in carried.items():
        within[folder_of(status, taken=taken, deleted=deleted)] += number
        for counter in counters_of(direction, status, taken=taken):
            counters[counter] += number
    return counters, within


def _same(what: str, said: float, is_so: float) -> Iterator[str]:
    if said != is_so:
        yield f"{what} says {said:g}, SQL {is_so:g}"


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _samples(text: str) -> Figures:
    """Return samples by their name and labels."""
    return {
        " ".join([one.name, *(f"{name}={one.labels[name]}" for name in sorted(one.labels))]): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def _read(
    url: str, headers: Mapping[str, str] | None = None, data: bytes | None = None, *, opener: Any = None
) -> str:
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}))  # noqa: S310  # our own ingress
    with (opener.open if opener else urllib.request.urlopen)(request, timeout=_WITHIN_S) as answer:
        return str(answer.read().decode())
