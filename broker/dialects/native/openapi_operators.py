"""What operators may ask for, as operations of the OpenAPI document."""

from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any

from broker.dialects.native.answers import OptOutPage
from broker.dialects.native.insight import KINDS
from broker.dialects.native.journal import REASONS
from broker.dialects.native.openapi_pieces import (
    IDEMPOTENCY_KEY,
    JSON,
    PAGING,
    TEXT,
    TIME,
    answer,
    asked,
    refusals,
)
from broker.dialects.native.operator_answers import (
    AuditPage,
    Changed,
    ConnectionList,
    ConnectionView,
    CountersView,
    ErasureList,
    ErasureView,
    FilesPage,
    Leaving,
    LedgerView,
    LetterPage,
    LogPage,
    OptOutChangePage,
    ParkedPage,
    Reread,
    SettingList,
    Tried,
    UntoldPage,
)
from broker.dialects.native.parameters import MOST_RATE, RATE
from broker.dialects.native.untold import UNTOLD
from broker.domain.dead import Kind, Standing
from broker.domain.logbook import Order
from broker.domain.usage import FASTEST

OPERATOR_MODELS = (
    AuditPage,
    FilesPage,
    SettingList,
    Changed,
    ConnectionList,
    CountersView,
    ErasureList,
    Leaving,
    LedgerView,
    LetterPage,
    LogPage,
    OptOutChangePage,
    ParkedPage,
    Reread,
    Tried,
    UntoldPage,
)

_NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_SPAN = {"since": TIME, "until": TIME}
_RATE = {"rate": {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_RATE, "default": RATE}}
_LISTED = refusals(400, 401, 403, 429, 503)


def _one_of(kind: type[StrEnum] | tuple[StrEnum, ...]) -> dict[str, Any]:
    return {"enum": [str(member) for member in kind]}


_UNTOLD = {"state": _one_of(UNTOLD), "account": TEXT, **_SPAN}
_LETTERS = {
    "id": TEXT,
    "kind": _one_of(Kind),
    **dict.fromkeys(("account", "connection", "error"), TEXT),
    **_SPAN,
}
_OPT_OUTS = {"account": TEXT, "sender": TEXT, "recipient": TEXT, **PAGING}


def operator_paths() -> dict[str, Any]:
    """Return the paths that only operators may use, with their name and password as Basic credentials."""
    log = {"since": TIME, "message": {"type": "string", "format": "uuid"}, "order": _one_of(Order), **PAGING}
    return {
        **_connections(),
        "/v1/connections/{name}/log": {
            "get": _get("listLog", "Show what was said over a connection", LogPage, log, named=True)
        },
        "/v1/connections/{name}/counters": {
            "get": _get(
                "showCounters", "Count what a connection carried", CountersView, {"since": TIME}, named=True
            )
        },
        "/v1/callbacks": {
            "get": _get("listUntold", "List callbacks that were not told", UntoldPage, {**_UNTOLD, **PAGING})
        },
        "/v1/callbacks/replay": {
            "post": _post(
                "replayCallbacks", "Have callbacks told again, so many a second", {**_UNTOLD, **_RATE}
            )
        },
        "/v1/ledger": {
            "get": _get(
                "showLedger", "Say where what was accepted is", LedgerView, {"since": TIME, "account": TEXT}
            )
        },
        "/v1/operators/erasures": {
            "get": _get("listErasures", "List the newest erasures", ErasureList, {}),
            "post": _change(
                "eraseNumber", "Erase a number", ("number", "reason"), status=202, model=ErasureView
            ),
        },
        **_webhooks(),
        **_dead_letters(),
        **_opt_outs(),
        **_insight(),
    }


def _connections() -> dict[str, Any]:
    one = "/v1/connections/{name}"

    def change(name: str, summary: str, **others: Any) -> dict[str, Any]:
        changed = _change(name, summary, ("reason",), others=others, status=200, model=ConnectionView)
        return {"post": {**changed, "parameters": [_NAME]}}

    stop = partial(change, until=TIME)

    return {
        "/v1/connections": {"get": _get("listConnections", "Say how connections stand", ConnectionList, {})},
        f"{one}/pause": stop("pauseConnection", "Let nothing more go over a connection"),
        f"{one}/hold": stop(
            "holdConnection", "Let nothing more go over a connection, nor by another instead"
        ),
        f"{one}/drain": stop("drainConnection", "Let a connection finish what it has, and give it no more"),
        f"{one}/resume": change("resumeConnection", "Let a connection be used again"),
        f"{one}/reset-circuit": change("resetCircuit", "Use a connection again whose carrier failed"),
        f"{one}/rate": {"post": _rate()},
        f"{one}/test": {"post": _trial()},
    }


def _rate() -> dict[str, Any]:
    rate = {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": FASTEST}
    changed = _change(
        "changeRate",
        "Let a connection carry so much a second",
        ("reason",),
        others={"mps": rate, "sender_mps": rate},
        status=200,
        model=ConnectionView,
    )
    return {**changed, "parameters": [_NAME]}


def _trial() -> dict[str, Any]:
    needed, summary = ("account", "to", "text"), "Send a message over a connection, to try it"
    tried = _change("testConnection", summary, needed, also=("from",), status=202, model=Tried)
    responses = {**tried["responses"], **refusals(402, 409)}
    return {**tried, "parameters": [_NAME, IDEMPOTENCY_KEY], "responses": responses}


def _webhooks() -> dict[str, Any]:
    parked = {"connection": TEXT, "kind": {"enum": list(REASONS)}, **_SPAN, **PAGING}
    stretch = {"from": TIME, "until": TIME, "connection": TEXT, "cursor": TEXT}
    again = _post("replayWebhooks", "Read a stretch of the journal again", stretch, needed=("from", "until"))
    return {
        "/v1/webhooks/parked": {
            "get": _get("listParked", "List news of carriers that fits nothing yet", ParkedPage, parked)
        },
        "/v1/webhooks/replay": {
            "post": {**again, "responses": {"200": answer("What came of one page.", Reread), **_LISTED}}
        },
    }


def _dead_letters() -> dict[str, Any]:
    listed = {**_LETTERS, "standing": _one_of(Standing), **PAGING}
    return {
        "/v1/dead-letters": {
            "get": _get("listDeadLetters", "List work that was set aside", LetterPage, listed)
        },
        "/v1/dead-letters/put-back": {
            "post": _post(
                "putBackDeadLetters",
                "Have set-aside work tried again, so many a second",
                {**_LETTERS, **_RATE, "reason": TEXT},
            )
        },
        "/v1/dead-letters/discard": {
            "post": _post(
                "discardDeadLetters",
                "Have set-aside work ended, for a reason",
                {**_LETTERS, "reason": TEXT},
                needed=("reason",),
            )
        },
    }


def _opt_outs() -> dict[str, Any]:
    path, needed = "/v1/operators/opt-outs", ("sender", "recipient", "reason")

    def change(name: str, summary: str) -> dict[str, Any]:
        return _change(name, summary, needed, also=("account",), status=200, model=Changed)

    return {
        path: {
            "get": _get("listAllOptOuts", "List the opt-outs of all accounts", OptOutPage, _OPT_OUTS),
            "post": change("addOptOut", "Opt a recipient out of a sender"),
        },
        f"{path}/changes": {
            "get": _get(
                "listOptOutChanges", "List who opted out and in, when and why", OptOutChangePage, _OPT_OUTS
            )
        },
        f"{path}/remove": {"post": change("removeOptOut", "Opt a recipient in again")},
    }


def _insight() -> dict[str, Any]:
    deeds = {"operator": TEXT, "action": TEXT, "subject": TEXT, **PAGING}
    files = {"account": TEXT, "type": {"enum": list(KINDS)}, **PAGING}
    return {
        "/v1/operators/audit": {
            "get": _get("listAudit", "List what people did and looked at", AuditPage, deeds)
        },
        "/v1/operators/attachments": {
            "get": _get("listAttachments", "List stored files by message", FilesPage, files)
        },
        "/v1/operators/settings": {
            "get": _get("listSettings", "Say how the ingress is configured", SettingList, {})
        },
    }


def _get(
    name: str, summary: str, model: type[Any], filters: dict[str, Any], *, named: bool = False
) -> dict[str, Any]:
    """Return an operation that shows something; `named` is about the connection in its path."""
    return {
        **_head(name, summary),
        "parameters": [*([_NAME] if named else []), *asked(filters)],
        "responses": {"200": answer("One page." if named else "What was asked for.", model), **_LISTED}
        | (refusals(404) if named else {}),
    }


def _post(
    name: str, summary: str, filters: dict[str, Any], *, needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return an operation on all that its query names, which takes its time."""
    parameters = [{**one, "required": True} if one["name"] in needed else one for one in asked(filters)]
    return {
        **_head(name, summary),
        "parameters": parameters,
        "responses": {"202": answer("They leave one after another.", Leaving), **_LISTED},
    }


def _change(
    name: str,
    summary: str,
    needed: tuple[str, ...],
    *,
    also: tuple[str, ...] = (),
    others: Mapping[str, Any] = MappingProxyType({}),
    status: int,
    model: type[Any],
) -> dict[str, Any]:
    """Return an operation that takes a small JSON object of texts, and of what the `others` are."""
    schema = {
        "type": "object",
        "properties": {**dict.fromkeys((*needed, *also), TEXT), **others},
        "required": list(needed),
        "additionalProperties": False,
    }
    return {
        **_head(name, summary),
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
        "responses": {
            str(status): answer("It is so now, or will be.", model),
            **refusals(400, 401, 403, 404, 413, 415, 422, 429, 503),
        },
    }


def _head(name: str, summary: str) -> dict[str, Any]:
    return {"operationId": name, "tags": ["operators"], "summary": summary, "security": [{"operator": []}]}
