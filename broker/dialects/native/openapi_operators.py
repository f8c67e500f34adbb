"""What operators may ask for, as operations of the OpenAPI document."""

from functools import partial
from typing import Any

from broker.dialects.native.answers import OptOutPage
from broker.dialects.native.insight import KINDS
from broker.dialects.native.journal import REASONS
from broker.dialects.native.openapi_letters import LETTER_MODELS, letter_paths
from broker.dialects.native.openapi_operations import (
    LISTED,
    NAME,
    RATES,
    SPAN,
    changes,
    one_of,
    orders,
    shows,
)
from broker.dialects.native.openapi_pieces import (
    IDEMPOTENCY_KEY,
    PAGING,
    TEXT,
    TIME,
    answer,
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
    LogPage,
    OptOutChangePage,
    ParkedPage,
    Reread,
    SettingList,
    Tried,
    UntoldPage,
    WorkerList,
    WorkerView,
)
from broker.dialects.native.overview import WINDOWS, OverviewView
from broker.dialects.native.untold import UNTOLD
from broker.domain.logbook import Level, Order, Way
from broker.domain.usage import FASTEST

OPERATOR_MODELS = (
    *LETTER_MODELS,
    AuditPage,
    FilesPage,
    SettingList,
    Changed,
    ConnectionList,
    CountersView,
    ErasureList,
    Leaving,
    LedgerView,
    LogPage,
    OptOutChangePage,
    OverviewView,
    ParkedPage,
    Reread,
    Tried,
    UntoldPage,
    WorkerList,
)

_UNTOLD = {"state": one_of(UNTOLD), "account": TEXT, **SPAN}
_OPT_OUTS = {"account": TEXT, "sender": TEXT, "recipient": TEXT, **PAGING}


def operator_paths() -> dict[str, Any]:
    """Return the paths that only operators may use, with their name and password as Basic credentials."""
    message = {"type": "string", "format": "uuid"}
    narrow = {"direction": one_of(Way), "level": one_of(Level), "message": message, "order": one_of(Order)}
    log = {**SPAN, **narrow, **PAGING}
    return {
        **_connections(),
        **_workers(),
        "/v1/connections/{name}/log": {
            "get": shows("listLog", "Show what was said over a connection", LogPage, log, named=True)
        },
        "/v1/connections/{name}/counters": {
            "get": shows(
                "showCounters", "Count what a connection carried", CountersView, {"since": TIME}, named=True
            )
        },
        "/v1/callbacks": {
            "get": shows("listUntold", "List callbacks that were not told", UntoldPage, {**_UNTOLD, **PAGING})
        },
        "/v1/callbacks/replay": {
            "post": orders(
                "replayCallbacks", "Have callbacks told again, so many a second", {**_UNTOLD, **RATES}
            )
        },
        "/v1/ledger": {
            "get": shows(
                "showLedger", "Say where what was accepted is", LedgerView, {"since": TIME, "account": TEXT}
            )
        },
        "/v1/operators/erasures": {
            "get": shows("listErasures", "List the newest erasures", ErasureList, {}),
            "post": changes(
                "eraseNumber", "Erase a number", ("number", "reason"), status=202, model=ErasureView
            ),
        },
        **_webhooks(),
        **letter_paths(),
        **_opt_outs(),
        **_insight(),
    }


def _connections() -> dict[str, Any]:
    one = "/v1/connections/{name}"

    def reasoned(name: str, summary: str, **others: Any) -> dict[str, Any]:
        changed = changes(name, summary, ("reason",), others=others, status=200, model=ConnectionView)
        return {"post": {**changed, "parameters": [NAME]}}

    stop = partial(reasoned, until=TIME)

    return {
        "/v1/connections": {"get": shows("listConnections", "Say how connections stand", ConnectionList, {})},
        f"{one}/pause": stop("pauseConnection", "Let nothing more go over a connection"),
        f"{one}/hold": stop(
            "holdConnection", "Let nothing more go over a connection, nor by another instead"
        ),
        f"{one}/drain": stop("drainConnection", "Let a connection finish what it has, and give it no more"),
        f"{one}/resume": reasoned("resumeConnection", "Let a connection be used again"),
        f"{one}/reset-circuit": reasoned("resetCircuit", "Use a connection again whose carrier failed"),
        f"{one}/rate": {"post": _rate()},
        f"{one}/test": {"post": _trial()},
    }


def _workers() -> dict[str, Any]:
    one = "/v1/workers/{name}"

    def reasoned(name: str, summary: str) -> dict[str, Any]:
        changed = changes(name, summary, ("reason",), status=200, model=WorkerView)
        return {"post": {**changed, "parameters": [NAME]}}

    return {
        "/v1/workers": {"get": shows("listWorkers", "Say how workers stand", WorkerList, {})},
        f"{one}/drain": reasoned("drainWorker", "Let a worker finish what it has, and take no more"),
        f"{one}/resume": reasoned("resumeWorker", "Let a worker take work again"),
    }


def _rate() -> dict[str, Any]:
    rate = {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": FASTEST}
    changed = changes(
        "changeRate",
        "Let a connection carry so much a second",
        ("reason",),
        others={"mps": rate, "sender_mps": rate},
        status=200,
        model=ConnectionView,
    )
    return {**changed, "parameters": [NAME]}


def _trial() -> dict[str, Any]:
    needed, summary = ("account", "to", "text"), "Send a message over a connection, to try it"
    tried = changes("testConnection", summary, needed, also=("from",), status=202, model=Tried)
    responses = {**tried["responses"], **refusals(402, 409)}
    return {**tried, "parameters": [NAME, IDEMPOTENCY_KEY], "responses": responses}


def _webhooks() -> dict[str, Any]:
    parked = {"connection": TEXT, "kind": {"enum": list(REASONS)}, **SPAN, **PAGING}
    stretch = {"from": TIME, "until": TIME, "connection": TEXT, "cursor": TEXT}
    again = orders("replayWebhooks", "Read a stretch of the journal again", stretch, needed=("from", "until"))
    return {
        "/v1/webhooks/parked": {
            "get": shows("listParked", "List news of carriers that fits nothing yet", ParkedPage, parked)
        },
        "/v1/webhooks/replay": {
            "post": {**again, "responses": {"200": answer("What came of one page.", Reread), **LISTED}}
        },
    }


def _opt_outs() -> dict[str, Any]:
    path, needed = "/v1/operators/opt-outs", ("sender", "recipient", "reason")

    def entry(name: str, summary: str) -> dict[str, Any]:
        return changes(name, summary, needed, also=("account",), status=200, model=Changed)

    return {
        path: {
            "get": shows("listAllOptOuts", "List the opt-outs of all accounts", OptOutPage, _OPT_OUTS),
            "post": entry("addOptOut", "Opt a recipient out of a sender"),
        },
        f"{path}/changes": {
            "get": shows(
                "listOptOutChanges", "List who opted out and in, when and why", OptOutChangePage, _OPT_OUTS
            )
        },
        f"{path}/remove": {"post": entry("removeOptOut", "Opt a recipient in again")},
    }


def _insight() -> dict[str, Any]:
    deeds = {"operator": TEXT, "action": TEXT, "subject": TEXT, **PAGING}
    files = {"account": TEXT, "type": {"enum": list(KINDS)}, **PAGING}
    return {
        "/v1/operators/audit": {
            "get": shows("listAudit", "List what people did and looked at", AuditPage, deeds)
        },
        "/v1/operators/attachments": {
            "get": shows("listAttachments", "List stored files by message", FilesPage, files)
        },
        "/v1/operators/settings": {
            "get": shows("listSettings", "Say how the ingress is configured", SettingList, {})
        },
        "/v1/operators/overview": {
            "get": shows(
                "showOverview",
                "Say how everything is at a glance",
                OverviewView,
                {"window": {"enum": list(WINDOWS)}},
            )
        },
    }
