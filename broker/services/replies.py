"""Send what a customer's answer to a callback wants sent, through the one door that all sends go through."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from broker.directory import Snapshot
from broker.domain.draft import Draft
from broker.domain.message import Message
from broker.errors import RequestError
from broker.keyspace.admission import Admission
from broker.keyspace.client import open_async
from broker.keyspace.counters import Counters
from broker.keyspace.pressure import Pressure
from broker.keyspace.unrecorded import Unrecorded
from broker.log import get_logger
from broker.net.guard import Guard
from broker.net.plain import AiohttpClient
from broker.runtime import Runtime
from broker.services.accept import Accept
from broker.services.packages import Packages
from broker.services.seeding import Seeding
from broker.services.sql import AsyncSql
from broker.services.stops import Stops
from broker.services.uploads import Uploads
from broker.storage import accounts

log = get_logger()


async def send_replies(
    runtime: Runtime,
    known: Snapshot,
    message: Message,
    dialect: str,
    wanted: Sequence[Draft | RequestError],
) -> None:
    """Take messages in the name of the account whose callback was answered; those that cannot be sent are logged.

    Raises:
        AdmissionError: they cannot be taken now. The callback is to be told again; what was taken already stays one.
    """
    if not wanted:
        return
    async with _door(runtime, known) as (accept, sql):
        account = await sql.read(lambda connection: accounts.by_name(connection, message.account))
        for number, draft in enumerate(wanted):
            try:
                if isinstance(draft, RequestError):
                    raise draft
                if account is not None:
                    await accept.accept(draft, account, datetime.now(UTC), dialect=dialect)
            except RequestError as error:
                log.warning("reply_not_sent", account=message.account, line=number, reason=error.code)
    log.info("replies_taken", account=message.account, replies=len(wanted))


@asynccontextmanager
async def _door(runtime: Runtime, known: Snapshot) -> AsyncIterator[tuple[Accept, AsyncSql]]:
    """Open what takes sends, for a moment: few answers have any."""
    settings, database = runtime.settings, runtime.database
    client = open_async(settings.redis_url, settings)
    guard = Guard(settings.egress_allow)
    executor = ThreadPoolExecutor(1, thread_name_prefix="replies")
    admission = Admission(settings.redis_url, settings)
    accept = Accept(
        admission=admission,
        pressure=Pressure(client, settings),
        uploads=Uploads(settings, guard, database),
        packages=Packages(settings, AiohttpClient(guard=guard), executor),
        seeding=Seeding(Counters(client), database, executor),
        connections=lambda: known.providers,
        carries=lambda one: known.connection_for(one) is not None,
        executor=executor,
        durability=settings.durability,
        stops=Stops(AsyncSql(database, executor), remembers=Unrecorded(client).remembers),
    )
    try:
        yield accept, AsyncSql(database, executor)
    finally:
        await admission.close()
        await accept.close()
        await client.aclose()
        executor.shutdown(wait=False)
