"""Read the hand-made calls and answers of the dialects."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from broker import errors
from broker.dialects import DIALECTS
from broker.dialects.base import Admitted, Dialect, Outcome
from broker.domain.ask import (
    Ask,
    Balance,
    ChangeBalance,
    Found,
    Handled,
    Listing,
    ListMessages,
    ShowBalance,
    ShowMessage,
    Shown,
)
from broker.domain.draft import Draft, MediaRef
from broker.domain.message import Direction, Part, PartState, Tag
from broker.domain.record import Record
from broker.domain.status import Status
from broker.domain.wire import Call, Response, Upload
from broker.errors import AdmissionError, QuotaExceeded, RequestError
from tests.factories import make_message

PAYLOADS = Path(__file__).parent.parent / "payloads"
NOW = datetime(2026, 1, 17, 13, 10, 25, tzinfo=UTC)
PATHS = {"native": "/v1/messages", "ozeki": "/api", "mxtelecom": "/SMSSend"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call with what must come of it; what the file leaves out is not looked at."""

    dialect: str
    section: str
    name: str
    call: Call
    ids: tuple[str, ...]
    drafts: list[Mapping[str, Any]] | None
    refused: Any
    outcomes: list[Any] | None
    answer: Mapping[str, Any] | None

    def __str__(self) -> str:
        return f"{self.dialect}/{self.section}: {self.name}"


def dialect(name: str) -> Dialect:
    """Return a dialect whose clock stands still."""
    return type(DIALECTS[name])(clock=lambda: NOW)


def cases() -> list[Case]:
    """Return every case of every dialect."""
    return [
        _case(name, file.stem, raw)
        for name in sorted(DIALECTS)
        for file in sorted((PAYLOADS / name).glob("*.json"))
        for raw in json.loads(file.read_text())
        if "call" in raw
    ]


def error(raw: Any) -> RequestError | AdmissionError:
    """Return the error that a case names."""
    fields = dict(raw)
    kind = getattr(errors, fields.pop("error"))
    if kind is QuotaExceeded:
        return QuotaExceeded("why", period="day", retry_after_s=60)
    made: RequestError | AdmissionError = kind("why", **fields)
    return made


def outcomes(case: Case, drafts: tuple[Draft | RequestError, ...]) -> list[Outcome]:
    """Return what became of the drafts: what the case says, else all that are right were taken."""
    plan = case.outcomes or ["accept"] * len(drafts)
    assert len(plan) == len(drafts)
    return [
        draft if isinstance(draft, RequestError) else _outcome(what, draft, number, case.ids)
        for number, (draft, what) in enumerate(zip(drafts, plan, strict=True), start=1)
    ]


def answered(spoken: Dialect, call: Call) -> Response:
    """Return what a dialect makes of a call that asks, where all that it asks for is there."""
    ask = spoken.parse(call)
    assert not isinstance(ask, tuple)
    try:
        return spoken.found(call, found(ask))
    except RequestError as refusal:
        return spoken.refused(call, refusal)


def found(ask: Ask) -> Found:
    """Return what an ask may find: messages with all that a message can have."""
    part = Part(index=1, content_type="image/png", name="a.png", state=PartState.STORED, path="/data/1-a.png")
    arrival = make_message(
        id="0199f0c4-5a10-7000-8000-000000000001",
        direction=Direction.IN,
        status=Status.READY,
        text="<&>\x00",
        subject="S",
        parts=(part,),
        tags=(Tag(name="attachment", value='/data/"1-a.png'),),
        connection="bandwidth-1",
    )
    one = Shown(record=Record(message=arrival, updated_at=NOW), links={1: "http://host/media/token/a.png"})
    if isinstance(ask, ShowMessage):
        return one
    if isinstance(ask, ShowBalance | ChangeBalance):
        return Balance(account="u1", left=None)
    if isinstance(ask, ListMessages):
        return Listing(messages=(one,))
    return Handled(ids=ask.ids)


def shown(draft: Draft | RequestError, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return those fields of a draft that a case looks at, as its file would write them."""
    if isinstance(draft, RequestError):
        return {"error": type(draft).__name__}
    return {name: shown_value(getattr(draft, name)) if name != "error" else "none" for name in expected}


def _outcome(what: Any, draft: Draft, number: int, ids: tuple[str, ...]) -> Outcome:
    if isinstance(what, dict):
        return error(what)
    given = ids or tuple(f"id-{number + n}" for n in range(len(draft.recipients)))
    return Admitted(
        draft=draft,
        ids=given,
        batch="batch-1" if draft.several else None,
        number=50012377 if draft.numbered else None,
        recipients=draft.recipients,
        replayed=what == "replay",
        durability="fsync",
    )


def shown_value(value: Any) -> Any:
    """Return a value as a file would write it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, MediaRef):
        fields = {
            "url": value.url,
            "media_id": value.media_id,
            "path": value.path,
            "data": None if value.data is None else base64.b64encode(value.data).decode(),
            "content_type": value.content_type,
            "name": value.name,
        }
        return {name: field for name, field in fields.items() if field}
    if isinstance(value, tuple):
        return [shown_value(one) for one in value]
    return [value.name, value.value] if hasattr(value, "name") and hasattr(value, "__slots__") else value


def _case(name: str, section: str, raw: Mapping[str, Any]) -> Case:
    call = raw["call"]
    body = json.dumps(call["json"]).encode() if "json" in call else call.get("body", "").encode()
    return Case(
        dialect=name,
        section=section,
        name=raw["name"],
        call=Call(
            method=call["method"],
            path=call.get("path", PATHS[name]),
            query=_pairs(call.get("query", "")),
            headers=call.get("headers", {}),
            body=body,
            form=_pairs(call.get("form", "")),
            files=tuple(
                Upload(**{**file, "data": base64.b64decode(file["data"])}) for file in call.get("files", ())
            ),
            peer="127.0.0.1",
        ),
        ids=tuple(raw.get("ids", ())),
        drafts=raw.get("drafts"),
        refused=raw.get("refused"),
        outcomes=raw.get("outcomes"),
        answer=raw.get("answer"),
    )


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))
