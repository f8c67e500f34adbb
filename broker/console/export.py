"""The list of messages as a file: CSV for spreadsheets, JSON lines for programs; without texts."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.headers import PRIVATE
from broker.console.messages import LIST, asked_of, search_of
from broker.console.visit import Visit
from broker.console.words import exact
from broker.domain.address import mask, mask_within
from broker.domain.bill import harmless
from broker.domain.deed import Deed, Door
from broker.domain.message import Message
from broker.domain.operator import Role
from broker.domain.search import Found
from broker.domain.value import replace
from broker.errors import Busy, InvalidField
from broker.log import get_logger
from broker.services.audit import Audit
from broker.services.browse import Browse

PATH = f"{LIST}/export"
MOST = 100_000
"""Most messages of a file: who wants more goes on from where its last line says."""
PAGE = 500
MOST_PAGES = 1_000
"""Most pages that are looked through for what is rare."""
AT_ONCE = 2
"""Most files that a process makes at a time."""
FIELDS = (
    "id", "created_at", "direction", "kind", "status", "from", "to", "account", "connection", "reference",
    "provider_ref", "batch", "parts", "attempts", "possible_duplicate", "valid_until",
)  # fmt: skip
TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}

Row = Mapping[str, str | int | None]

log = get_logger()


class Export:
    """Streams a list, page by page, while somebody takes it; numbers are whole for who may read content."""

    def __init__(self, browse: Browse, audit: Audit, *, most: int = MOST) -> None:
        self._browse = browse
        self._audit = audit
        self._most = most
        self._open = 0

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here; a HEAD has no file."""
        return gate.get(PATH, self.stream)[:1]

    async def stream(self, visit: Visit) -> web.StreamResponse:
        """Answer `GET /console/messages/export`."""
        kind, asked = visit.query.get("format", "csv"), asked_of(visit.query)
        if kind not in TYPES:
            raise InvalidField("a file is csv or jsonl")
        if "q" in asked:
            raise InvalidField("search by filters: what a name stands for is one page")
        search_of(asked)
        if self._open >= AT_ONCE:
            raise Busy("other lists are being written now: try again in a moment")
        async with self._audit.of(_deed(visit, kind, asked)):
            return await self._file(visit, kind, asked)

    async def _file(self, visit: Visit, kind: str, asked: Mapping[str, str]) -> web.StreamResponse:
        self._open += 1
        number, answer = 0, None
        try:
            async with aclosing(self.pages(asked)) as pages:
                first = await anext(pages)  # what is wrong is told as a page, as long as nothing is written
                answer = web.StreamResponse(headers=_headers(kind))
                await answer.prepare(visit.request)
                write = _WRITERS[kind]
                rows = _rows(first.messages, whole=visit.may(Role.CONTENT))
                await answer.write(write(rows, head=True))
                number += len(rows)
                last = first
                async for last in pages:
                    rows = _rows(last.messages, whole=visit.may(Role.CONTENT))
                    await answer.write(write(rows, head=False))
                    number += len(rows)
                if last.older:
                    await answer.write(_further(kind, asked, last.older))
                await answer.write_eof()
        except (Busy, ConnectionResetError) as error:
            log.warning("export_broken_off", operator=visit.operator.name, messages=number)
            if answer is None:
                raise
            if isinstance(error, Busy) and visit.request.transport is not None:
                visit.request.transport.abort()  # a file that ends too early must not look whole
            return answer
        finally:
            self._open -= 1
        log.info("messages_exported", operator=visit.operator.name, messages=number)
        return answer

    async def pages(self, asked: Mapping[str, str]) -> AsyncGenerator[Found, None]:
        """Yield a list page by page, as many messages as a file may have; the last page says if there are more."""
        search, left = search_of(asked), self._most
        for _ in range(MOST_PAGES):
            found = await self._browse.page(replace(search, limit=min(PAGE, left)))
            yield found
            left -= len(found.messages)
            if found.older is None or not left:
                return
            search = replace(search, cursor=found.older)


def _deed(visit: Visit, kind: str, asked: Mapping[str, str]) -> Deed:
    told = {name: mask(text) if name == "address" else mask_within(text) for name, text in asked.items()}
    return Deed(
        operator=visit.operator.name,
        door=Door.CONSOLE,
        action="messages export",
        subject=asked.get("account", ""),
        details={**told, "format": kind},
    )


def _headers(kind: str) -> dict[str, str]:
    name = f"messages-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{kind}"
    disposition = f'attachment; filename="{name}"'
    return {**PRIVATE, "Content-Type": TYPES[kind], "Content-Disposition": disposition}


def _rows(messages: Sequence[Message], *, whole: bool) -> list[Row]:
    shown: Callable[[str], str] = str if whole else mask
    return [
        {
            "id": one.id,
            "created_at": exact(one.created_at),
            "direction": str(one.direction),
            "kind": "mms" if one.is_mms else "sms",
            "status": str(one.status),
            "from": shown(one.originator),
            "to": shown(one.recipient),
            "account": one.account,
            "connection": one.connection,
            "reference": one.reference,
            "provider_ref": one.provider_ref,
            "batch": one.batch,
            "parts": len(one.parts),
            "attempts": one.attempts,
            "possible_duplicate": "yes" if one.possible_duplicate else "no",
            "valid_until": exact(one.valid_until),
        }
        for one in messages
    ]


def _csv(rows: Sequence[Row], *, head: bool) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if head:
        writer.writerow(FIELDS)
    writer.writerows([harmless(row[name]) for name in FIELDS] for row in rows)
    return out.getvalue().encode(errors="replace")


def _jsonl(rows: Sequence[Row], *, head: bool) -> bytes:  # noqa: ARG001  # each line has its names
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


_WRITERS = {"csv": _csv, "jsonl": _jsonl}


def _further(kind: str, asked: Mapping[str, str], cursor: str) -> bytes:
    """Return the last line of a file that does not hold all there is: where the rest of it is."""
    rest = f"{PATH}?{urlencode({**asked, 'format': kind, 'cursor': cursor})}"
    if kind == "csv":
        return f"more: {rest}\r\n".encode()
    return orjson.dumps({"more": rest}) + b"\n"
