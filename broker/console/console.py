"""The console: which path leads to which page."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from aiohttp import web

from broker.console.accounts import Accounts
from broker.console.alerts import Alerts
from broker.console.assets import ROOT as ASSETS
from broker.console.assets import Assets
from broker.console.attachments import Attachments
from broker.console.audit import AuditPage
from broker.console.callbacks import Callbacks
from broker.console.causes import Causes
from broker.console.chosen import Chosen, Foreseen
from broker.console.configuration import Configuration
from broker.console.connection_forms import ConnectionForms
from broker.console.connection_sections import ConnectionSections
from broker.console.connections import Connections
from broker.console.entrance import Entrance
from broker.console.export import Export
from broker.console.gate import Gate, Route
from broker.console.handsets import Handsets
from broker.console.hooks import Webhooks
from broker.console.letters import DeadLetterPages
from broker.console.live import Live
from broker.console.message import OneMessage
from broker.console.message_forms import MessageForms
from broker.console.messages import Messages
from broker.console.optouts import OptOuts
from broker.console.overview import Overview
from broker.console.pages import Pages, go_to
from broker.console.queues import Queues
from broker.console.said import Said
from broker.console.sending import SendPage
from broker.console.stored import Stored
from broker.console.views import Views
from broker.console.visit import ROOT
from broker.console.worker_forms import WorkerForms
from broker.keyspace.backlog import Backlog
from broker.keyspace.lanes import Depths
from broker.keyspace.peek import Peek
from broker.keyspace.pressure import Pressure
from broker.services.audit import Audit
from broker.services.browse import Browse
from broker.services.carrying import Carrying
from broker.services.connections import Connections as Stopping
from broker.services.endpoints import Endpoints
from broker.services.health import HealthOf
from broker.services.hooks import Hooks
from broker.services.letters import DeadLetters
from broker.services.logbook import Known, Logbook
from broker.services.on_behalf import OnBehalf
from broker.services.optout_book import OptOutBook
from broker.services.outcomes import Outcomes
from broker.services.overview import Glance
from broker.services.phones import Phones
from broker.services.planning import Planning
from broker.services.readiness import Readiness
from broker.services.replay import Replay
from broker.services.rereading import Rereading
from broker.services.send_on import SendOn
from broker.services.sessions import Sessions
from broker.services.sql import AsyncSql
from broker.services.steering import Steering
from broker.services.tallies import Tallies
from broker.services.trial import Trial
from broker.services.workers import Workers
from broker.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the pages work with."""

    settings: Settings
    executor: Executor
    sessions: Sessions
    pages: Pages
    sql: AsyncSql
    audit: Audit
    pressure: Pressure
    browse: Browse
    send_on: SendOn
    on_behalf: OnBehalf
    planning: Planning
    steering: Steering
    carrying: Carrying
    stopping: Stopping
    trial: Trial
    tallies: Tallies
    logbook: Logbook
    depths: Depths
    backlog: Backlog
    glance: Glance
    peek: Peek
    workers: Workers
    endpoints: Endpoints
    replay: Replay
    letters: DeadLetters
    opt_outs: OptOutBook
    hooks: Hooks
    rereading: Rereading
    known: Known
    leaving: Callable[[], bool]
    foreseen: Foreseen
    outcomes: Outcomes


def routes(needs: Needs, assets: Assets) -> list[Route]:
    """Return every path of the console, with what answers it."""
    pages, settings = needs.pages, needs.settings
    gate = Gate(needs.sessions, pages, needs.audit, public_url=settings.public_url)
    stored = Stored(needs.browse, needs.executor, attachments=settings.attachments)
    glance = needs.glance
    said = Said(needs.outcomes)
    parts = (
        Entrance(needs.sessions, pages, needs.audit, public_url=settings.public_url),
        Overview(pages, glance),
        (live := Live(glance, needs.browse, pages.badges, needs.sessions, leaving=needs.leaving)),
        Alerts(pages, glance),
        Messages(pages, needs.browse, needs.sql),
        Export(needs.browse, needs.audit),
        Views(needs.sql),
        _one_message(needs, stored),
        SendPage(pages, needs.sql, needs.on_behalf, needs.planning, reached_at=settings.reached_at),
        (forms := MessageForms(needs.browse, needs.steering, needs.audit)),
        _chosen(needs, forms),
        Attachments(pages, needs.browse, stored, needs.send_on),
        *_of_connections(needs, live),
        *_of_queues(needs),
        Causes(pages),
        Callbacks(pages, needs.endpoints, needs.replay, needs.backlog, said),
        DeadLetterPages(pages, needs.letters, said),
        OptOuts(pages, needs.opt_outs, said),
        AuditPage(pages, needs.audit),
        Configuration(pages, needs.sql, settings),
        Webhooks(pages, needs.hooks, needs.rereading, said),
        Accounts(pages, needs.sql, Readiness(needs.pressure), settings),
    )
    found = [*_bare(gate, assets), *(route for part in parts for route in part.routes(gate))]
    if settings.simulator_url:
        found += Handsets(pages, Phones(settings.simulator_url), live).routes(gate)
    return found


def _one_message(needs: Needs, stored: Stored) -> OneMessage:
    return OneMessage(
        needs.pages,
        needs.browse,
        stored,
        needs.audit,
        reached_at=needs.settings.reached_at,
        trace_url=needs.settings.trace_url,
    )


def _chosen(needs: Needs, forms: MessageForms) -> Chosen:
    return Chosen(
        needs.pages,
        needs.browse,
        needs.steering,
        needs.audit,
        forms,
        needs.outcomes,
        foreseen=needs.foreseen,
    )


def _of_connections(needs: Needs, live: Live) -> tuple[Connections, ConnectionSections, ConnectionForms]:
    """Return what shows connections, and what their forms ask."""
    pages, carrying = needs.pages, needs.carrying
    return (
        Connections(
            pages, carrying, tallies=needs.tallies, logbook=needs.logbook, depths=needs.depths, live=live
        ),
        ConnectionSections(
            pages,
            carrying,
            sql=needs.sql,
            audit=needs.audit,
            health=HealthOf(needs.sql),
            known=needs.known,
            settings=needs.settings,
        ),
        ConnectionForms(needs.stopping, needs.trial),
    )


def _of_queues(needs: Needs) -> tuple[Queues, WorkerForms]:
    """Return what shows queues and workers, and what the forms beside these ask."""
    shown = Queues(
        needs.pages, needs.backlog, needs.peek, needs.stopping, sql=needs.sql, workers=needs.workers
    )
    return shown, WorkerForms(needs.workers)


def _bare(gate: Gate, assets: Assets) -> list[Route]:
    """Return what needs nobody to be signed in."""

    async def home(request: web.BaseRequest, pieces: Mapping[str, str]) -> web.Response:  # noqa: ARG001
        return go_to(ROOT)

    async def asset(request: web.BaseRequest, pieces: Mapping[str, str]) -> web.Response:
        return assets.answer(request, pieces["name"])

    doors = ((ROOT.rstrip("/"), home), (ASSETS + "{name}", asset))
    return [Route(method, path, gate.open(door)) for method in ("GET", "HEAD") for path, door in doors]
