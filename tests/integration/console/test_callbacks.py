"""Where customers are told: how each endpoint stands, what is behind each number, and telling again."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import unescape

from sqlalchemy import select

from broker.domain.callback import CallbackState
from broker.domain.deed import DeedQuery
from broker.domain.ids import new_id
from broker.domain.status import Status
from broker.keyspace.circuits import OPENS_AFTER, Circuits
from broker.keyspace.client import open_sync
from broker.storage import audit, callbacks
from broker.storage import tables as t
from broker.storage.callbacks import Owing, Tried
from broker.storage.database import Sql
from tests.integration.console.conftest import Answer, Console, Person

PAGE = "/console/callbacks"
FAR_MS = round(datetime(2033, 4, 5, 6, 7, 8, tzinfo=UTC).timestamp() * 1000)
GIVEN_UP, HELD, OWED, TOLD = (
    CallbackState.GIVEN_UP,
    CallbackState.HELD,
    CallbackState.OWED,
    CallbackState.TOLD,
)


def owe(
    console: Console,
    host: str,
    states: Sequence[CallbackState | None],
    *,
    account: str = "acme",
    status: int = 500,
) -> list[str]:
    """Owe an endpoint callbacks, and have them end as said (None: never tried); return their messages."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    items = [
        Owing(
            message_id=new_id(),
            account=account,
            status=Status.DELIVERED,
            at=at,
            url=f"https://{host}/told?secret=pssst",
            due_at=FAR_MS,
            ends_at=FAR_MS,
        )
        for _ in states
    ]
    ids = [callbacks.id_of(one.message_id, one.status) for one in items]

    def job(sql: Sql) -> None:
        callbacks.owe(sql, items)
        tried = [id_ for id_, state in zip(ids, states, strict=True) if state is not None]
        sql.execute(t.callbacks.update().where(t.callbacks.c.id.in_(tried)).values(attempts=3))
        ends = [
            Tried(
                id=id_,
                state=state,
                due_at=FAR_MS if state is OWED else None,
                http_status=200 if state is TOLD else status,
                error="" if state is TOLD else f"answered {status}",
            )
            for id_, state in zip(ids, states, strict=True)
            if state is not None
        ]
        callbacks.settle(sql, ends)

    console.database.write(job)
    return [one.message_id for one in items]


def endpoints(page: Answer) -> dict[tuple[str, str], str]:
    """Return the rows of endpoints, by account and host."""
    table = page.text.partition('aria-label="Endpoints"')[2].partition("</table>")[0]
    found = {}
    for row in table.partition("<tbody>")[2].split("<tr>")[1:]:
        account, host = re.findall(r">([^<>]+)</a></td><th scope=\"row\" class=\"cut\">([^<]*)</th>", row)[0]
        found[account, host] = row
    return found


def words(row: str) -> str:
    return unescape(
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r'<span class="hidden">.*?</span>', "", row)))
    )


async def listed(one: Person, path: str) -> set[str]:
    """Return the messages that a list shows, over all its pages."""
    found: set[str] = set()
    while path:
        page = await one.get(path.partition("#")[0])
        assert page.status == 200, page.seen
        found |= set(re.findall(r'data-row href="/console/messages/([0-9a-f-]{36})"', page.text))
        path = unescape(
            next(iter(re.findall(r'aria-label="Pages of the list"><a href="([^"]+)"', page.text)), "")
        )
    return found


async def test_each_endpoint_tells_how_it_stands_and_each_number_leads_to_its_messages(
    console: Console,
) -> None:
    ill = owe(console, "ill.example:8443", [GIVEN_UP, GIVEN_UP, OWED, None], status=503)
    gone = owe(console, "gone.example", [HELD, HELD, HELD], status=410)
    well = owe(console, "well.example", [TOLD, TOLD], account="globex")
    one = await console.person("vera")
    page = await one.get(PAGE)
    rows = endpoints(page)
    assert set(rows) == {("acme", "gone.example"), ("acme", "ill.example:8443"), ("globex", "well.example")}
    assert re.search(
        r"! failing 2 0 2 0 told, 2 not 503 answered 503 to news of", words(rows["acme", "ill.example:8443"])
    )
    assert re.search(
        r"! held: it said 410 0 3 0 0 told, 3 not 410 answered 410", words(rows["acme", "gone.example"])
    )
    assert re.search(r"✓ well 0 0 0 2 told 200", words(rows["globex", "well.example"]))
    links = {
        unescape(path)
        for row in rows.values()
        for path in re.findall(r'href="(/console/callbacks\?[^"]+)"', row)
    }
    assert {tuple(sorted(await listed(one, path))) for path in links} == {
        tuple(sorted(ill[:2])),
        tuple(sorted(ill[2:])),
        tuple(sorted(gone)),
        tuple(sorted(well)),
    }
    assert "pssst" not in page.text


async def test_an_open_circuit_says_since_when_and_until_when(console: Console) -> None:
    owe(console, "ill.example", [OWED])
    with open_sync(console.settings.redis_url, console.settings) as client:
        circuits = Circuits(client, probe_s=30)
        for _ in range(OPENS_AFTER):
            circuits.failed("acme ill.example", probe=False)
        (since,) = {one.since for one in circuits.look(["acme ill.example"]).values()}
        one = await console.person("vera")
        row = words(endpoints(await one.get(PAGE))["acme", "ill.example"])
        at = datetime.fromtimestamp(since / 1000, tz=UTC)
        assert f"✕ left alone since {at:%Y-%m-%d %H:%M:%S} until " in row
        circuits.failed("acme ill.example", probe=True)
        assert circuits.look(["acme ill.example"])["acme ill.example"].since == since, "it is open since then"
        circuits.worked("acme ill.example")
        row = words(endpoints(await one.get(PAGE))["acme", "ill.example"])
        assert "left alone" not in row


async def test_each_tile_leads_to_what_it_counts(console: Console) -> None:
    ids = owe(console, "ill.example", [GIVEN_UP, HELD, OWED, TOLD])
    one = await console.person("vera")
    page = await one.get(PAGE)
    tiles = dict(re.findall(r'<a class="tile" href="([^"]+)"><b>[^<]*</b> <span>([^<]+)</span>', page.text))
    assert {name: await listed(one, path) for path, name in tiles.items() if "?" in path} == {
        "given up": {ids[0]},
        "held": {ids[1]},
        "tried again": {ids[2]},
        "told": {ids[3]},
    }
    assert "/console/callbacks#endpoints" in tiles
    assert 'id="endpoints"' in page.text


async def test_endpoints_and_lists_have_pages(console: Console) -> None:
    ids = owe(console, "a.example", [GIVEN_UP] * 55 + [OWED] * 60 + [TOLD] * 51)
    for number in range(52):
        owe(console, f"e{number:02}.example", [HELD])
    one = await console.person("vera")
    assert await listed(one, f"{PAGE}?show=given_up") == set(ids[:55])
    assert await listed(one, f"{PAGE}?show=owed") == set(ids[55:115])
    assert await listed(one, f"{PAGE}?show=told") == set(ids[115:])
    assert len(await listed(one, f"{PAGE}?show=owed&account=acme&host=a.example")) == 50, "those due first"
    page = await one.get(PAGE)
    (path,) = re.findall(r'aria-label="Pages of endpoints"><a href="([^"]+)"', page.text)
    first, rest = set(endpoints(page)), set(endpoints(await one.get(unescape(path).partition("#")[0])))
    assert (len(first), len(rest)) == (50, 3)
    assert not first & rest
    assert set(endpoints(await one.get(f"{PAGE}?account=nobody"))) == set()
    for wrong in ("show=x", "host=a.example", "cursor=x"):
        assert (await one.get(f"{PAGE}?{wrong}")).status == 422


async def test_telling_again_first_says_how_many_and_the_risk_and_wants_a_reason(console: Console) -> None:
    owe(console, "ill.example", [GIVEN_UP, GIVEN_UP, HELD])
    other = owe(console, "other.example", [GIVEN_UP], account="globex")
    one = await console.person("oscar")
    page = await one.get(f"{PAGE}?show=given_up&account=acme&host=ill.example")
    (path,) = re.findall(r'class="button" href="([^"]+)"', page.text)
    page = await one.get(unescape(path))
    assert "2 callbacks given up of acme at ill.example" in page.seen
    assert "The customer may be told twice" in page.seen
    form = dict(re.findall(r'type="hidden" name="(state|account|host)" value="([^"]*)"', page.text))
    form |= {"rate": "2", "reason": "they are back"}
    for change in (
        {"rate": "0"},
        {"rate": "nan"},
        {"state": "told"},
        {"reason": ""},
        {"reason": "x" * 201},
        {"account": ""},
    ):
        assert (await one.post(f"{PAGE}/replay", {**form, **change})).status == 422, change
    answer = await one.post(f"{PAGE}/replay", form)
    assert answer.status == 303
    page = await one.get(answer.headers["Location"])
    assert "✓ 2 callbacks are owed again, the last of them from 20" in page.seen
    assert "2 callbacks are owed again" in (await one.get(answer.headers["Location"])).seen
    mallory = await console.person("ada")
    assert "owed again" not in (await mallory.get(answer.headers["Location"])).seen, "it is not hers"
    states = select(t.callbacks.c.endpoint, t.callbacks.c.state)
    assert sorted(console.database.read(lambda sql: sql.execute(states).all())) == [
        ("acme ill.example", "held"),
        ("acme ill.example", "owed"),
        ("acme ill.example", "owed"),
        ("globex other.example", "given_up"),
    ]
    assert "0 callbacks are owed again" in (await one.sent(f"{PAGE}/replay", form)).seen
    assert await listed(one, f"{PAGE}?account=globex") == set(other)
    noted = console.database.read(lambda sql: audit.page(sql, DeedQuery(action="callbacks replay")))[0][0]
    assert (noted.reason, noted.details["host"], noted.details["state"]) == (
        "they are back",
        "ill.example",
        "given_up",
    )
    viewer = await console.person("vera")
    assert (await viewer.get(unescape(path))).status == 403
    assert "Tell these again" not in (await viewer.get(PAGE)).seen


async def test_when_nothing_is_left_to_tell_again_the_page_says_so(console: Console) -> None:
    one = await console.person("oscar")
    assert "There is nothing to tell again" in (await one.get(f"{PAGE}/again")).seen
    assert (await one.get(f"{PAGE}/again?show=owed")).status == 422
