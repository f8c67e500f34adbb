"""What the console says of yesterday comes from SQL: it outlives every process, and Redis too."""

import re
from datetime import UTC, datetime, timedelta

import redis
from aiohttp import ClientSession, CookieJar

from broker.domain.ids import first_id_of
from broker.domain.status import Event
from broker.ingress.serving import serving
from broker.storage import messages
from broker.storage.messages import Fresh, Move
from tests.factories import NOW_MS, make_message
from tests.integration.console.conftest import Opening, Person

PAGES = (
    "/console/?window=all",
    "/console/messages",
    "/console/connections/bandwidth-1",
)


async def figures(one: Person) -> dict[str, list[str]]:
    """Return every number that the pages show of messages."""
    return {
        path: re.findall(
            r'<td class="number">([\d,]+)</td>|title="([0-9a-f-]{36})"|<b>([\d,]+)</b>', page.text
        )
        for path in PAGES
        for page in [await one.get(path)]
    }


async def test_after_a_restart_on_an_empty_redis_the_console_still_knows_yesterday(opening: Opening) -> None:
    async with opening() as console:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        rows = [
            make_message(id=first_id_of(yesterday + timedelta(seconds=n)), created_at=yesterday)
            for n in range(5)
        ]
        claimed = {"event": Event.CLAIM, "due_at": NOW_MS, "connection": "bandwidth-1"}

        def job(sql: object) -> None:
            messages.add(sql, [Fresh(message=one, **claimed) for one in rows])  # type: ignore[arg-type]
            moves = [Move(id=one.id, event=Event.RECEIPT, at=yesterday, key="r") for one in rows[:3]]
            moves += [Move(id=rows[0].id, event=Event.DELIVER, at=yesterday, key="d")]
            moves += [Move(id=rows[3].id, event=Event.REFUSE, at=yesterday, key="x", detail="4720")]
            messages.move(sql, moves)  # type: ignore[arg-type]

        console.database.write(job)
        before = await figures(await console.person("vera"))
        settings = console.settings
    assert "5" in {number for row in before["/console/?window=all"] for number in row}
    with redis.Redis.from_url(settings.redis_url) as client:
        client.flushdb()
    async with (
        serving(settings) as port,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as client_of_ours,
    ):
        one = Person(url=f"http://127.0.0.1:{port}", client=client_of_ours)
        assert (await one.sign_in("vera")).status == 303
        assert await figures(one) == before
