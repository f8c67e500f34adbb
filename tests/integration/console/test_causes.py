"""Each error has a page, and what ended badly leads there."""

import re
from html import unescape

from broker.domain.dead import Kind, Letter
from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.services.catalogue import catalogue
from broker.storage import dead, messages
from broker.storage.dead import Parking
from tests.factories import NOW, make_move
from tests.integration.console.conftest import Console
from tests.integration.console.filling import fill
from tests.integration.console.test_lists import add

PAGE = "/console/errors/bandwidth/4720"
OF_ONE = "/console/dead-letters?kind=webhook&error=ValueError&connection=bandwidth-1"


async def test_the_list_leads_to_a_page_for_each_error(console: Console) -> None:
    one = await console.person()
    page = await one.get("/console/errors")
    links = re.findall(r'data-row href="(/console/errors/[^"]+)"', page.text)
    assert len(links) == len(set(links)) == sum(len(causes) for causes in catalogue().values())
    for link in links[::7]:
        found = await one.get(unescape(link))
        assert found.status == 200, link
        for word in ("What it means", "Trying again", "What to do"):
            assert word in found.seen


async def test_a_page_says_what_to_do_and_leads_to_the_messages(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person()
    page = await one.get(PAGE)
    assert "invalid destination address" in page.seen
    assert "Trying again permanent" in page.seen
    assert "Billed as a success" in page.seen
    (link,) = re.findall(r'class="button" href="([^"]+)"', page.text)
    listed = await one.get(unescape(link))
    assert set(re.findall(r'title="([0-9a-f-]{36})"', listed.text)) == {filled.rejected}
    ours = await one.get("/console/errors/broker/validity-over")
    (link,) = re.findall(r'class="button" href="([^"]+)"', ours.text)
    assert "No message is like that" in (await one.get(unescape(link))).seen


async def test_what_ended_badly_leads_to_its_page(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person()
    for path in (f"/console/messages/{filled.rejected}", "/console/?window=all"):
        assert f'<a href="{PAGE}">What is this?' in (await one.get(path)).text, path
    assert "What is this?" not in (await one.get(f"/console/messages/{filled.delivered}")).seen
    assert 'href="/console/errors"' in (await one.get()).text


async def test_a_dead_letter_leads_to_what_is_known_of_its_error(console: Console) -> None:
    fill(console.database, console.settings)
    one = await console.person()
    for path in ("/console/dead-letters", OF_ONE):
        page = await one.get(path)
        assert 'href="/console/errors/dead-letters/webhook"' in page.text, "nothing is known of a ValueError"
    assert (
        "The carrier does not send them again."
        in (await one.get("/console/errors/dead-letters/webhook")).seen
    )
    letter = Letter(
        id=new_id(),
        kind=Kind.WEBHOOK,
        subject="cd" * 32,
        account=None,
        connection="bandwidth-1",
        at=NOW,
        tries=3,
        error="DataError from StatementError",
        where=(),
    )
    console.database.write(lambda sql: dead.park(sql, [Parking(letter=letter)]))
    page = await one.get("/console/dead-letters")
    assert 'href="/console/errors/dead-letters/DataError"' in page.text
    link = '<a href="/console/errors/dead-letters/DataError">What is this?'
    cause = OF_ONE.replace("ValueError", "DataError+from+StatementError")
    assert link in (await one.get(cause)).text.partition("What to try:")[2]


async def test_a_family_of_answers_leads_to_the_messages_that_got_one_of_it(console: Console) -> None:
    ids = add(console, 5)
    words = ("404 no such thing", "410", "4720 spam", "500 oh no", "40 x")
    moves = [make_move(one, Event.REFUSE, detail=word) for one, word in zip(ids, words, strict=True)]
    console.database.write(lambda sql: messages.move(sql, moves))
    one = await console.person()
    for family, wanted in (("4xx", set(ids[:2])), ("5xx", {ids[3]})):
        page = await one.get(f"/console/errors/answer/{family}")
        (link,) = re.findall(r'class="button" href="([^"]+)">Messages with it', page.text)
        listed = await one.get(unescape(link))
        assert set(re.findall(r'title="([0-9a-f-]{36})"', listed.text)) == wanted
