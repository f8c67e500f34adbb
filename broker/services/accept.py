"""Make a draft ours, or say why not."""

import asyncio
from collections.abc import Callable, Container, Sequence
from concurrent.futures import Executor
from datetime import datetime

from broker.dialects.base import Admitted
from broker.domain.account import Account
from broker.domain.charge import PRICE
from broker.domain.draft import Draft
from broker.domain.message import Message, Part
from broker.errors import Busy, NoRoute, RequestError, UnknownConnection
from broker.keyspace.admission import Admission, AdmissionRequest, AdmissionResult
from broker.keyspace.flows import flow
from broker.keyspace.pressure import Pressure
from broker.services.backlog import queue_of
from broker.services.compose import compose
from broker.services.delays import Delays
from broker.services.packages import Packages
from broker.services.seeding import Seeding
from broker.services.stops import Stops
from broker.services.uploads import Uploads

_SEEDINGS = 3
"""Most tries to find an account's counters in place."""


class Accept:
    """The door of every dialect: rights and limits, uploads, then one admission."""

    def __init__(
        self,
        *,
        admission: Admission,
        pressure: Pressure,
        uploads: Uploads,
        packages: Packages,
        seeding: Seeding,
        connections: Callable[[], Container[str]],
        carries: Callable[[Message], bool],
        executor: Executor,
        durability: str,
        stops: Stops,
        delays: Delays | None = None,
    ) -> None:
        self._admission = admission
        self._pressure = pressure
        self._uploads = uploads
        self._packages = packages
        self._seeding = seeding
        self._connections = connections
        self._carries = carries
        self._executor = executor
        self._durability = durability
        self._stops = stops
        self._delays = delays

    async def accept(self, draft: Draft, account: Account, now: datetime, *, dialect: str) -> Admitted:
        """Take a draft and return the ids it was given.

        Raises:
            RequestError: the customer must change something; nothing was taken.
            Busy: not now; nothing was taken.
            OutcomeUncertain: it may have been taken.
        """
        self._pressure.check(queue_of(draft.priority), flow(account.name, draft.priority))
        parts: tuple[Part, ...] = ()
        if _brings_more(draft):
            # Everything that needs no disk is checked before anything is fetched or stored.
            compose(draft, account, now, dialect=dialect)
            if draft.package is not None or draft.package_url is not None:
                draft = await self._packages.opened(draft, account.name)
            parts = await self._gather(draft, account)
        try:
            messages = tuple(compose(draft, account, now, dialect=dialect, parts=parts))
            if self._stops or self._delays:
                await self._permit(draft, messages, account, now)
            if draft.numbered and not self._carries(messages[0]):
                # Such a dialect says so at the door, and only to who could send otherwise (sheet mxtelecom, 3.2).
                await self._seeding.check(account, now, wanted=PRICE * len(messages))
                raise NoRoute("no connection can carry it")
            request = AdmissionRequest(
                account=account, messages=messages, key=draft.key, digest=draft.digest, now=now
            )
            result = await self._admission.admit(request)
            if not isinstance(result, AdmissionResult):
                result = await self._admit_seeded(request)
        except (RequestError, Busy):
            await self._discard(draft, parts)
            raise
        if result.replayed:
            await self._discard(draft, parts)
        return self._admitted(draft, messages, result)

    async def preview(
        self, draft: Draft, account: Account, now: datetime, *, dialect: str
    ) -> tuple[Message, ...]:
        """Return the messages that a draft would become; nothing is taken, and nothing fetched or stored.

        Raises:
            RequestError, Busy: as `accept` would, as far as that can be told without its media and the counters.
        """
        messages = tuple(compose(draft, account, now, dialect=dialect))
        if draft.connection and draft.connection not in self._connections():
            raise UnknownConnection(
                "there is no such connection", pointer="/connection", value=draft.connection
            )
        await self._permit(draft, messages, account, now)
        return messages

    async def _permit(
        self, draft: Draft, messages: Sequence[Message], account: Account, now: datetime
    ) -> None:
        if self._stops:
            await self._stops.check(draft, messages, account)
        if self._delays:
            await self._delays.check(messages, now, key=draft.key)

    def _admitted(self, draft: Draft, messages: Sequence[Message], result: AdmissionResult) -> Admitted:
        return Admitted(
            draft=draft,
            ids=result.ids,
            batch=result.batch,
            number=result.number,
            recipients=tuple([message.recipient for message in messages]),
            replayed=result.replayed,
            durability=self._durability,
        )

    async def watch(self) -> None:
        """Learn who has opted out and what waits for long, again and again, until cancelled."""
        watching = [self._stops.watch()] + ([] if self._delays is None else [self._delays.watch()])
        await asyncio.gather(*watching)

    async def close(self) -> None:
        """Close what packages are fetched with."""
        await self._packages.close()

    async def _gather(self, draft: Draft, account: Account) -> tuple[Part, ...]:
        if draft.connection and draft.connection not in self._connections():
            raise UnknownConnection(
                "there is no such connection", pointer="/connection", value=draft.connection
            )
        if draft.callback_url:
            self._uploads.check_url(draft.callback_url, pointer="/callback_url")
        if not draft.media:
            return ()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._uploads.collect, draft.media, account)

    async def _discard(self, draft: Draft, parts: Sequence[Part]) -> None:
        """Remove what was stored for a request of which nothing is kept, so that refusals fill no disk."""
        if parts:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._executor, self._uploads.discard, draft.media, parts)

    async def _admit_seeded(self, request: AdmissionRequest) -> AdmissionResult:
        """Put the account's missing counters in place, and admit."""
        for _ in range(_SEEDINGS):
            await self._seeding.seed(request.account, request.now)
            result = await self._admission.admit(request)
            if isinstance(result, AdmissionResult):
                return result
        raise Busy("what the account has used cannot be read now")


def _brings_more(draft: Draft) -> bool:
    """Say whether a draft has anything that a plain text has not; most have nothing."""
    return bool(
        draft.media
        or draft.callback_url
        or draft.connection
        or draft.package is not None
        or draft.package_url is not None
    )
