"""Lead requests for the console to its pages."""

from functools import partial

from aiohttp import web

from broker.console.assets import Assets
from broker.console.badges import Badges
from broker.console.console import Needs, routes
from broker.console.gate import Way
from broker.console.headers import PRIVATE
from broker.console.pages import Pages
from broker.ingress.doors import Doors
from broker.ingress.foreseen import foreseen
from broker.ingress.guarded import Handler
from broker.ingress.overview import OverviewDesk
from broker.ingress.router import PIECES, Router
from broker.keyspace import keys
from broker.keyspace.backlog import Backlog
from broker.keyspace.breakers import Fuses
from broker.keyspace.clock import Clock
from broker.keyspace.crew import Crew
from broker.keyspace.lanes import Depths
from broker.keyspace.outcomes import Outcomes as KeptOutcomes
from broker.keyspace.peek import Peek
from broker.keyspace.sessions import Sessions as Kept
from broker.keyspace.unrecorded import Unrecorded
from broker.services.attention import Attention
from broker.services.browse import Browse
from broker.services.carrying import Carrying
from broker.services.endpoints import Endpoints
from broker.services.hooks import Hooks
from broker.services.letters import DeadLetters
from broker.services.logbook import Logbook
from broker.services.on_behalf import OnBehalf
from broker.services.outcomes import LIFE_S as OUTCOME_LIFE_S
from broker.services.outcomes import Outcomes
from broker.services.overview import Glance
from broker.services.planning import Planning
from broker.services.rehearsal import Rehearsal
from broker.services.replay import Replay
from broker.services.send_on import SendOn
from broker.services.sessions import LIFE_S, Sessions
from broker.services.sql import AsyncSql
from broker.services.steering import Steering
from broker.services.tallies import Tallies
from broker.services.workers import Workers


def add_console(router: Router, doors: Doors) -> None:
    """Add every path of the console to a router, and what says through the API what its overview says."""
    assets = Assets()
    needs = _needs(doors, assets)
    for method, path, door in routes(needs, assets):
        router.add(method, path, _handler(door), failed=_failed)
    OverviewDesk(doors.sign_in, needs.glance).add_to(router)


def _needs(doors: Doors, assets: Assets) -> Needs:
    settings, known = doors.settings, doors.carriers.providers
    sql, clock = AsyncSql(doors.database, doors.executor), Clock(doors.client)
    carrying, backlog = Carrying(doors.connections), Backlog(doors.client, connections=known)
    workers, logbook = Workers(Crew(doors.client)), Logbook(sql, known=known, keep_s=settings.log_keep_s)
    return Needs(
        settings=settings,
        executor=doors.executor,
        sql=sql,
        audit=doors.audit,
        pressure=doors.pressure,
        browse=Browse(sql, Unrecorded(doors.client), doors.lookup, logbook),
        send_on=SendOn(doors.accept, sql, taken=partial(doors.meter.accepted, "mms", 1)),
        on_behalf=(on_behalf := _on_behalf(doors, sql)),
        planning=Planning(doors.accept, on_behalf, doors.carriers.chosen),
        steering=_steering(doors, sql, on_behalf),
        carrying=carrying,
        stopping=doors.connections,
        trial=doors.trial,
        tallies=Tallies(sql, known=known),
        logbook=logbook,
        depths=Depths(doors.client),
        backlog=backlog,
        glance=Glance(sql, backlog, carrying, workers, settings),
        peek=Peek(doors.client),
        workers=workers,
        endpoints=Endpoints(sql, Fuses(doors.client, key=keys.circuit)),
        replay=Replay(sql, clock),
        letters=DeadLetters(sql, clock, Rehearsal(settings, sql, known=doors.carriers.known)),
        opt_outs=doors.opt_outs,
        hooks=Hooks(sql, known=known),
        rereading=doors.rereading,
        known=known,
        leaving=lambda: doors.leaving.told,
        foreseen=foreseen,
        outcomes=Outcomes(KeptOutcomes(doors.client, life_s=OUTCOME_LIFE_S)),
        sessions=_sessions(doors),
        pages=_pages(doors, assets, Attention(sql, backlog, carrying, workers, settings)),
    )


def _pages(doors: Doors, assets: Assets, attention: Attention) -> Pages:
    return Pages(
        doors.executor,
        assets,
        badges=Badges(attention),
        flower_url=doors.settings.flower_url,
        simulated=bool(doors.settings.simulator_url),
    )


def _on_behalf(doors: Doors, sql: AsyncSql) -> OnBehalf:
    def taken(kind: str, messages: int, again: bool) -> None:
        doors.meter.accepted(kind, messages, replayed=again)

    return OnBehalf(doors.accept, sql, taken=taken)


def _steering(doors: Doors, sql: AsyncSql, on_behalf: OnBehalf) -> Steering:
    return Steering(
        doors.settings,
        sql=sql,
        unrecorded=Unrecorded(doors.client),
        clock=Clock(doors.client),
        known=doors.carriers.known,
        on_behalf=on_behalf,
    )


def _sessions(doors: Doors) -> Sessions:
    secret_key = doors.settings.secret_key.get_secret_value()
    return Sessions(doors.sign_in, Kept(doors.client, life_s=LIFE_S), secret_key=secret_key)


def _handler(door: Way) -> Handler:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await door(request, request.get(PIECES, {}))

    return handle


def _failed(request: web.BaseRequest) -> web.StreamResponse:  # noqa: ARG001  # it may be what is wrong
    return web.Response(
        status=500, text="Something went wrong here. The ingress's log says more.", headers=PRIVATE
    )
