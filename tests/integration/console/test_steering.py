"""What operators do about one message: called back, tried now, sent again, each for a reason and on record."""

import re
from html import unescape
from typing import Any

import orjson
from sqlalchemy import select

from broker.domain.deed import DeedQuery, Noted
from broker.domain.ids import new_id
from broker.domain.status import Status
from broker.keyspace.client import open_async
from broker.keyspace.unrecorded import Unrecorded
from broker.storage import audit, messages, redaction
from broker.storage.tables import callbacks
from broker.storage.tables import messages as rows
from tests.factories import NOW, NOW_MS
from tests.integration.console.conftest import Console
from tests.integration.console.filling import fill, fill_waiting
from tests.integration.ingress.conftest import KEY

FAR_MS = NOW_MS + 10**9
WHY = {"reason": "they asked"}


def standing(console: Console, message_id: str) -> Any:
    """Return where a message stands, and when somebody looks at it again."""
    wanted = select(rows.c.status, rows.c.due_at).where(rows.c.id == message_id)
    return console.database.read(lambda sql: sql.execute(wanted).one())


def deeds(console: Console, message_id: str) -> list[Noted]:
    """Return what is on record of a message."""
    return console.database.read(lambda sql: audit.page(sql, DeedQuery(subject=message_id)))[0]


async def unrecorded(console: Console, message_id: str) -> Any:
    """Return a message that waits for its first take."""
    client = open_async(console.settings.redis_url, console.settings)
    try:
        return await Unrecorded(client).find(message_id)
    finally:
        await client.aclose()


async def send(console: Console, **fields: Any) -> str:
    """Send a message as a customer; nobody takes it."""
    one = console.somebody()
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"to": "+12025550177", "text": "later", **fields}
    async with one.client.post(f"{one.url}/v1/messages", json=body, headers=headers) as answer:
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["id"])


async def test_a_message_that_waits_is_called_back_and_its_customer_is_told(console: Console) -> None:
    waiting = fill_waiting(console.database, due_ms=FAR_MS)
    one = await console.person("oscar")
    page = await one.get(f"/console/messages/{waiting}")
    assert "Cancel" in page.seen
    assert "Send again" not in page.seen, "it will go out by itself"
    assert (await one.post(f"/console/messages/{waiting}/cancel")).status == 422, "without a reason"
    answer = await one.post(f"/console/messages/{waiting}/cancel", WHY)
    assert (answer.status, answer.headers["Location"]) == (303, f"/console/messages/{waiting}")
    assert standing(console, waiting) == (Status.CANCELLED, None)
    page = await one.get(f"/console/messages/{waiting}")
    assert "cancelled by an operator" in page.seen
    assert "oscar: messages cancel, they asked" in page.seen
    assert "oscar" not in (await (await console.person("vera")).get(f"/console/messages/{waiting}")).seen


async def test_a_message_that_nobody_has_taken_yet_is_called_back_too(console: Console) -> None:
    waiting = await send(console, callback_url="https://customer.example/told")
    one = await console.person("oscar")
    assert "Cancel" in (await one.get(f"/console/messages/{waiting}")).seen
    assert (await one.post(f"/console/messages/{waiting}/cancel", WHY)).status == 303
    assert standing(console, waiting) == (Status.CANCELLED, None)
    owed = select(callbacks.c.status).where(callbacks.c.message_id == waiting)
    assert console.database.read(lambda sql: list(sql.execute(owed).scalars())) == [Status.CANCELLED]


async def test_what_a_carrier_may_have_is_not_called_back(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    for name in (filled.delivered, filled.rejected, filled.inbound):
        before = standing(console, name)
        assert (await one.post(f"/console/messages/{name}/cancel", WHY)).status == 422
        assert (await one.post(f"/console/messages/{name}/retry", WHY)).status == 422
        assert standing(console, name) == before
        assert [noted.refused != "" for noted in deeds(console, name)] == [True, False, True, False]
        assert "Cancel" not in (await one.get(f"/console/messages/{name}")).seen
    assert (await one.post(f"/console/messages/{new_id()}/cancel", WHY)).status == 404


async def test_a_message_that_waits_for_its_next_try_is_due_at_once(console: Console) -> None:
    waiting = fill_waiting(console.database, due_ms=FAR_MS)
    one = await console.person("oscar")
    assert "Try now" in (await one.get(f"/console/messages/{waiting}")).seen
    assert (await one.post(f"/console/messages/{waiting}/retry", WHY)).status == 303
    status, due_at = standing(console, waiting)
    assert status == Status.RETRYING
    assert due_at < FAR_MS - 10**8
    laned = fill_waiting(console.database, due_ms=FAR_MS)
    console.database.write(
        lambda sql: sql.execute(rows.update().where(rows.c.id == laned).values(laned_at=NOW_MS))
    )
    assert (await one.post(f"/console/messages/{laned}/retry", WHY)).status == 422, "its lane keeps its rate"
    assert standing(console, laned).due_at == FAR_MS


async def test_a_message_is_sent_again_as_a_new_one_that_names_it(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("oscar")
    path = f"/console/messages/{filled.delivered}"
    page = await one.get(path)
    assert "It was delivered: its recipient gets it twice." in page.seen
    (once,) = re.findall(r'name="once" value="([^"]+)"', page.text)
    form = {**WHY, "once": once, "sure": "yes"}
    for change in ({"sure": ""}, {"once": "x"}, {"reason": ""}):
        assert (await one.post(f"{path}/resend", {**form, **change})).status == 422
    first, second = [await one.post(f"{path}/resend", form) for _ in range(2)]
    assert first.headers["Location"] == second.headers["Location"], "sent twice, the form sends once"
    sent = first.headers["Location"].rpartition("/")[2]
    old = console.database.read(lambda sql: messages.load(sql, [filled.delivered]))[filled.delivered]
    new = await unrecorded(console, sent)
    assert (new.text, new.subject, new.recipient, new.originator, new.reference) == (
        old.text,
        old.subject,
        old.recipient,
        old.originator,
        None,
    )
    assert [(tag.name, tag.value) for tag in new.tags if tag.name == "resend_of"] == [("resend_of", old.id)]
    assert deeds(console, old.id)[0].details == {"as": sent}
    assert f'href="/console/messages/{sent}"' in (await one.get(path)).text
    assert f'href="/console/messages/{old.id}"' in (await one.get(f"/console/messages/{sent}")).text


async def test_what_arrived_or_is_not_kept_any_more_is_not_sent_again(console: Console) -> None:
    filled = fill(console.database, console.settings)
    console.database.write(lambda sql: redaction.blank_texts(sql, [filled.rejected], NOW))
    one = await console.person("oscar")
    form = {**WHY, "once": new_id(), "sure": "yes"}
    answer = await one.post(f"/console/messages/{filled.rejected}/resend", form)
    assert (answer.status, "nothing is left to send" in answer.seen) == (422, True)
    waiting = fill_waiting(console.database)
    for name in (filled.inbound, waiting):
        assert (await one.post(f"/console/messages/{name}/resend", form)).status == 422


async def test_the_raw_message_is_for_who_may_read_it_and_noted(console: Console) -> None:
    filled = fill(console.database, console.settings)
    path = f"/console/messages/{filled.delivered}/raw"
    for name in ("vera", "oscar"):
        one = await console.person(name)
        assert (await one.get(path)).status == 403
        assert "Raw JSON" not in (await one.get(f"/console/messages/{filled.delivered}")).seen
    answer = await (await console.person("connie")).get(path)
    assert answer.headers["Content-Type"] == "application/json"
    assert orjson.loads(answer.text)["id"] == filled.delivered
    assert [(noted.operator, noted.action) for noted in deeds(console, filled.delivered)[:1]] == [
        ("connie", "messages raw")
    ]


async def test_commands_to_copy_hold_nothing_hidden_until_somebody_asked(console: Console) -> None:
    filled = fill(console.database, console.settings)
    one = await console.person("ada")
    page = await one.get(f"/console/messages/{filled.inbound}")
    (command,) = re.findall(r'data-copy="(curl [^"]+)"', page.text)
    assert unescape(command).endswith(f"/v1/messages/{filled.inbound}")
    page = await one.post(f"/console/messages/{filled.inbound}/reveal")
    _, command = re.findall(r'data-copy="(curl [^"]+)"', page.text)
    assert '"text":"look"' in unescape(command)
    assert f'"media":[{{"id":"{filled.inbound}.1"}}' in unescape(command)
