"""The page of what is wrong: since when, what to read about it, where to look."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

from broker.domain.dead import Kind, Letter
from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.services.overview import MANY
from broker.storage import accounts, dead, messages
from broker.storage.dead import Parking
from tests.factories import make_move
from tests.integration.console.conftest import Answer, Console
from tests.integration.console.filling import HOSTILE
from tests.integration.console.test_lists import add

PAGE = "/console/alerts"


def rows(page: Answer) -> dict[str, tuple[str, str, str]]:
    """Return what stands there: since when, what to read, and where to look."""
    found = re.findall(
        r'</span> ([^<]+)</th>\s*<td class="still">(?:<time datetime="([^"]+)".*?)?</td>\s*'
        r'<td>(.*?)</td>\s*<td><a data-row href="([^"]+)">',
        re.sub(r"not known", "", page.text),
        re.DOTALL,
    )
    return {text: (since, re.sub(r"<[^>]+>", "", read), place) for text, since, read, place in found}


async def test_what_is_wrong_is_listed_with_since_when_what_to_read_and_where_to_look(
    console: Console,
) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for back in (0, 30):
        letter = Letter(
            id=new_id(),
            kind=Kind.WEBHOOK,
            subject=new_id(),
            account=None,
            connection="bandwidth-1",
            at=at + timedelta(minutes=back),
            tries=3,
            error="ValueError",
            where=(),
        )
        console.database.write(lambda sql, one=letter: dead.park(sql, [Parking(letter=one)]))
    ids = add(console, MANY)
    ended = [make_move(one, Event.REFUSE, detail="4720 spam") for one in ids]
    console.database.write(lambda sql: messages.move(sql, ended))
    held = round(at.timestamp() * 1000)
    console.database.write(
        lambda sql: accounts.hold(sql, "bandwidth-1", now_ms=held, reason=f"401 {HOSTILE}")
    )
    one = await console.person("vera")
    page = await one.get(PAGE)
    assert page.status == 200
    assert "<script>alert" not in page.text
    found = rows(page)
    (link,) = [text for text in found if text.startswith("bandwidth-1: Held (401")]
    assert found.pop(link) == (stamp, "docs/runbooks/ConnectionHeld.md", "/console/connections/bandwidth-1")
    assert found.pop("2 dead letters (webhook)") == (
        stamp,
        "docs/runbooks/DeadLetters.md",
        "/console/dead-letters",
    )
    ((text, (since, read, place)),) = found.items()
    assert text == f"{MANY} of {MANY} messages that ended were not delivered (100%)"
    assert (since != "", read, place) == (
        True,
        "docs/runbooks/RefusalsMany.md",
        "/console/messages?status=bad",
    )
    piece = await one.get(f"{PAGE}?piece=now")
    assert "<html" not in piece.text
    assert rows(piece).keys() == rows(page).keys()


async def test_the_overview_leads_there_where_anything_is_wrong_and_a_stop_has_nothing_to_read(
    console: Console,
) -> None:
    one = await console.person("oscar")
    page = await one.get(PAGE)
    assert "Nothing needs a person now." in page.seen
    assert rows(page) == {}
    assert f'href="{PAGE}"' not in (await one.get("/console/?window=7d")).text
    await one.post("/console/connections/bandwidth-1/pause", {"reason": "they asked"})
    strip = await one.get("/console/?window=all")
    assert f'href="{PAGE}"' in strip.text

    async with asyncio.timeout(30):  # what was counted is shown for two seconds
        while not (found := rows(await one.get(PAGE))):
            pass
    ((since, read, place),) = found.values()
    assert since.startswith("20")
    assert (read, place) == ("somebody stopped it: ask who did", "/console/connections/bandwidth-1")
