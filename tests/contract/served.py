"""A real ingress on a socket for request/answer files, and how those are read.

A file holds the cases of one section of a sheet. A case is a talk of calls and answers, after the messages `given` are
in the record. In every text, `{a}` stands for the id of the message given as `a`, and for an id that an earlier answer
had at `{id:a}`; `{data}` for the data folder. In calls `{login}` stands for the account's name with its password,
`{iso+2}` and `{dotted+2}` for the time in two hours. In answers `{time}`, `{dotted}` and `{guid}` stand for any time or
id, `{long}` for anything without a blank.
"""

import asyncio
import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import redis
from sqlalchemy import delete

from broker.domain.ids import new_id
from broker.domain.message import Direction, Message, Part, PartState, Priority, Tag
from broker.domain.status import Status
from broker.ingress.serving import serving
from broker.settings import Settings
from broker.storage import messages as record
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh
from broker.storage.tables import messages, metadata
from tests.prepared import prepare

PAYLOADS = Path(__file__).parent.parent / "payloads"
MADE_MS = 1_768_557_842_000
GUID = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
TOKENS = {
    "guid": GUID,
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "dotted": r"\d{4}\.\d\d\.\d\d\. \d\d:\d\d:\d\d",
    "long": "[^ /]{1,500}",
}
_TOKEN = re.compile(r"\{([a-z0-9:+-]+)\}")
_KEPT = frozenset({"messages", "events", "parts", "callbacks", "submissions"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One call and its answer; what the file leaves out of the answer is not looked at.

    The calls of a talk go over one connection, unless one is made `anew`.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: str
    anew: bool
    status: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One case."""

    section: str
    name: str
    given: tuple[Mapping[str, Any], ...]
    turns: tuple[Turn, ...]

    def __str__(self) -> str:
        return f"{self.section}: {self.name}"


def talks(folder: str) -> list[Talk]:
    """Return every case of a dialect, section by section."""
    return [
        Talk(
            section=file.stem,
            name=raw["name"],
            given=tuple(raw.get("given", ())),
            turns=tuple(_turn(turn) for turn in raw["talk"]),
        )
        for file in sorted((PAYLOADS / folder / "served").glob("*.json"))
        for raw in json.loads(file.read_text())
    ]


def _turn(raw: Mapping[str, Any]) -> Turn:
    method, _, target = raw["call"].partition(" ")
    headers, body = dict(raw.get("headers", {})), raw.get("body", "")
    if "json" in raw:
        body = json.dumps(raw["json"])
        headers.setdefault("Content-Type", "application/json")
    if "form" in raw:
        body = raw["form"]
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    if "as" in raw:
        headers["Authorization"] = raw["as"]
    return Turn(
        method=method,
        target=target,
        headers=headers,
        body=body,
        anew=raw.get("anew", False),
        status=raw.get("status", 200),
        answer=raw.get("answer", {}),
    )


@dataclass(slots=True)
class Served:
    """A running ingress, its record, and what this case has learnt."""

    settings: Settings
    database: Database
    login: str
    connection: http.client.HTTPConnection
    names: dict[str, str] = field(default_factory=dict)

    def begin(self, talk: Talk) -> None:
        """Forget what earlier cases left, and keep the messages that this one begins with."""
        self.connection.close()
        self.names = {"data": str(self.settings.data_dir), "login": self.login}
        with closing(redis.Redis.from_url(self.settings.redis_url)) as client:
            for pattern in ("msg:*", "idem:*", "ready:*", "admitted*"):
                for key in client.scan_iter(pattern):
                    client.delete(key)
        self.database.write(self._forget)
        fresh = [Fresh(message=self._message(raw), event=None) for raw in talk.given]
        self.database.write(lambda sql: record.add(sql, fresh))

    def say(self, turn: Turn) -> None:
        """Make a call, and hold its answer against the file."""
        headers = {name: self._filled(value) for name, value in turn.headers.items()}
        body = self._filled(turn.body, quoted="form" in headers.get("Content-Type", ""))
        if turn.anew:
            self.connection.close()
        self.connection.request(
            turn.method, self._filled(turn.target, quoted=True), body.encode() or None, headers
        )
        answer = self.connection.getresponse()
        text = answer.read().decode()
        assert answer.status == turn.status, text
        for name, value in turn.answer.get("headers", {}).items():
            assert answer.headers.get(name) == value
        if "lines" in turn.answer:
            self._match("\n".join(turn.answer["lines"]), text)
        if "text" in turn.answer:
            self._match(turn.answer["text"], text)
        if "json" in turn.answer:
            self._compare(turn.answer["json"], json.loads(text))
        for part in turn.answer.get("holds", ()):
            assert re.search(self._pattern(part), text), text
        for part in turn.answer.get("lacks", ()):
            assert not re.search(self._pattern(part), text), text

    def _forget(self, sql: Sql) -> None:
        for table in metadata.tables.values():
            if table.name in _KEPT:
                sql.execute(delete(table))
        assert sql.execute(messages.select()).first() is None

    def _message(self, raw: Mapping[str, Any]) -> Message:
        fields = dict(raw)
        name, moment = fields.pop("as"), datetime.fromisoformat(fields.pop("at", "2026-01-16T10:04:02+00:00"))
        # Ids of one millisecond are in no order.
        identifier = new_id(MADE_MS + len(self.names))
        self.names[name] = identifier
        inbound = fields.pop("direction", "in") == "in"
        parts = tuple(self._part(identifier, n, part) for n, part in enumerate(fields.pop("parts", ()), 1))
        tags = tuple(
            Tag(name=key, value=self._filled(value)) for key, value in fields.pop("tags", {}).items()
        )
        ours, theirs = "+12025550150", "+12025550101"
        return Message(
            id=identifier,
            account=fields.pop("account", "u1"),
            direction=Direction.IN if inbound else Direction.OUT,
            status=Status(fields.pop("status", "ready" if inbound else "submitted")),
            originator=fields.pop("from", theirs if inbound else ours),
            recipient=fields.pop("to", ours if inbound else theirs),
            priority=Priority(fields.pop("priority", "normal")),
            created_at=moment,
            valid_until=moment + timedelta(days=7),
            connection=fields.pop("connection", "Bandwidth_1"),
            parts=parts,
            tags=tags,
            **fields,
        )

    def _part(self, message_id: str, index: int, raw: Mapping[str, Any]) -> Part:
        name = raw["name"]
        path = self.settings.attachments / message_id / f"{index}-{name}"
        return Part(
            index=index,
            content_type=raw["type"],
            name=name,
            state=PartState(raw.get("state", "stored")),
            size=raw.get("size", 3),
            path=str(path),
        )

    def _filled(self, text: str, *, quoted: bool = False) -> str:
        """Return what a call says, with its tokens replaced."""

        def value(match: re.Match[str]) -> str:
            if match[1] in self.names:
                return self.names[match[1]]
            time = re.fullmatch(r"(iso|dotted)([+-][0-9]+)", match[1])
            if time is None:
                return match[0]
            moment = datetime.now(UTC) + timedelta(hours=int(time[2]))
            said = moment.strftime("%Y-%m-%dT%H:%M:%S" if time[1] == "iso" else "%Y.%m.%d. %H:%M:%S")
            return quote_plus(said) if quoted else said

        return _TOKEN.sub(value, text)

    def _match(self, expected: str, text: str) -> None:
        found = re.fullmatch(self._pattern(expected), text)
        assert found, f"expected:\n{expected}\nfound:\n{text}"
        self.names.update(found.groupdict())

    def _pattern(self, expected: str) -> str:
        pieces, last = [], 0
        for match in _TOKEN.finditer(expected):
            pieces += [re.escape(expected[last : match.start()]), self._token(match)]
            last = match.end()
        return "".join([*pieces, re.escape(expected[last:])])

    def _token(self, match: re.Match[str]) -> str:
        word = match[1]
        if word in self.names:
            return re.escape(self.names[word])
        if word.startswith("id:"):
            return f"(?P<{word[3:]}>{GUID})"
        return TOKENS.get(word) or re.escape(match[0])

    def _compare(self, expected: Any, found: Any) -> None:
        """Hold JSON against JSON; the order of names does not matter, but no name may be missing or be there beside."""
        if isinstance(expected, Mapping):
            assert isinstance(found, dict), found
            assert expected.keys() == found.keys()
            for name, value in expected.items():
                self._compare(value, found[name])
        elif isinstance(expected, list):
            assert isinstance(found, list), found
            assert len(expected) == len(found), found
            for one, other in zip(expected, found, strict=True):
                self._compare(one, other)
        elif isinstance(expected, str):
            assert isinstance(found, str), found
            self._match(expected, found)
        else:
            assert (type(expected), expected) == (type(found), found)


@contextmanager
def served(settings: Settings, document: Mapping[str, Any], *, login: str) -> Iterator[Served]:
    """Serve while the context lasts, on a thread of its own."""
    prepare(settings, document)
    database = Database(settings.database)
    loop, ready, end = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    ports: list[int] = []

    async def run() -> None:
        async with serving(settings) as port:
            ports.append(port)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(30), "the ingress does not start"
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", ports[0], timeout=20)) as connection:
            yield Served(settings=settings, database=database, login=login, connection=connection)
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(30)
        loop.close()
        database.close()
