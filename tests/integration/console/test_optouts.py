"""Opt-outs in the console: listed masked, proven on request, added and removed with a reason."""

import re
from datetime import UTC, datetime

import pytest

from broker.domain.optout import Change, OptOutQuery, Wish
from broker.domain.pseudonym import pair_key
from broker.storage import optouts
from tests.conftest import SECRET_KEY
from tests.integration.console.conftest import Console
from tests.integration.console.filling import HOSTILE, NUMBER, OTHER
from tests.integration.console.test_audit import deeds

LIST = "/console/opt-outs"
SENDER = "+12025550150"


def stop(console: Console, recipient: str, *, sender: str = SENDER, text: str = f"STOP {HOSTILE}") -> None:
    change = Change(
        wish=Wish.STOP,
        account="acme",
        sender=sender,
        recipient=recipient,
        at=datetime.now(UTC),
        who="recipient",
        reason=f"because of +12025550177, or (202) 555-0178 {HOSTILE}",
        text=text,
    )
    key = pair_key(SECRET_KEY, sender, recipient)
    console.database.write(lambda sql: optouts.change(sql, key, change))


def in_force(console: Console) -> list[str]:
    rows, _ = console.database.read(lambda sql: optouts.page(sql, OptOutQuery()))
    return [row.recipient for row in rows]


def shown(text: str) -> list[str]:
    return re.findall(r'<th scope="row" class="still">([^<]+)</th>', text)


async def test_opt_outs_are_listed_masked_and_filtered_the_newest_first(console: Console) -> None:
    stop(console, NUMBER)
    stop(console, OTHER)
    stop(console, OTHER, sender="+12025550151")
    one = await console.person("vera")
    page = await one.get(LIST)
    assert shown(page.text) == ["+4420***0018", "+4420***0018", "+1202***0101"]
    for wild in (NUMBER, OTHER, "5550177", "555-0178", "STOP &lt;", "<script>alert"):
        assert wild not in page.text, wild
    assert shown((await one.get(f"{LIST}?recipient=%2B442079460018")).text) == ["+4420***0018"] * 2
    assert shown((await one.get(f"{LIST}?recipient=12025550101")).text) == ["+1202***0101"]
    assert shown((await one.get(f"{LIST}?sender=%2B12025550151")).text) == ["+4420***0018"]
    assert shown((await one.get(f"{LIST}?account=globex")).text) == []
    assert shown((await one.get(f"{LIST}?changes=1")).text) == shown(page.text)
    assert (await one.get(f"{LIST}?cursor=x")).status == 422


async def test_the_list_is_paged(console: Console) -> None:
    for number in range(101):
        stop(console, f"+1202556{number:04}")
    one = await console.person("vera")
    page = await one.get(LIST)
    assert len(shown(page.text)) == 100
    (older,) = re.findall(r'href="([^"]+)">older', page.text)
    assert shown((await one.get(older.replace("&amp;", "&"))).text) == ["+1202***0000"]


async def test_the_proof_is_shown_to_who_may_read_it_and_that_is_noted(console: Console) -> None:
    stop(console, NUMBER)
    for name in ("vera", "oscar"):
        other = await console.person(name)
        assert "/reveal" not in (await other.get(LIST)).text
        assert (await other.post(f"{LIST}/reveal", {"id": "1"})).status == 403
    one = await console.person("connie")
    page = await one.post(f"{LIST}/reveal", {"id": "1", "sender": SENDER})
    assert NUMBER in page.seen
    assert "STOP" in page.seen
    assert "<script>alert" not in page.text
    noted = deeds(console, action="opt-outs reveal")[0]
    assert (noted.operator, noted.subject, noted.refused) == ("connie", "1", "")
    assert (await one.post(f"{LIST}/reveal", {"id": "99"})).status == 404


async def test_one_is_added_and_removed_with_a_reason_and_both_are_noted(console: Console) -> None:
    one = await console.person("oscar")
    form = {"sender": SENDER, "recipient": "(202) 555-0101", "reason": "wrote a letter from +12025550179"}
    page = await one.sent(f"{LIST}/add", form)
    assert "From now on it gets nothing more." in page.seen
    assert in_force(console) == [NUMBER]
    ((kept, *_), _) = console.database.read(lambda sql: optouts.page(sql, OptOutQuery()))
    assert kept.reason == "wrote a letter from +1202***0179"
    assert "It was so already." in (await one.sent(f"{LIST}/add", form)).seen
    page = await one.get(LIST)
    (row,) = set(re.findall(r'id="why-(\d+)"', page.text))
    assert (await one.post(f"{LIST}/remove", {"id": row})).status == 422
    assert in_force(console) == [NUMBER]
    assert (
        "It may be written to again."
        in (await one.sent(f"{LIST}/remove", {"id": row, "reason": "wrote again"})).seen
    )
    assert in_force(console) == []
    came, went = await one.get(f"{LIST}?changes=1"), deeds(console, action="opt-outs remove")
    assert "oscar" in came.seen
    assert "wrote a letter from +1202***0179" in came.seen
    assert [noted.reason for noted in went] == ["wrote again", "", ""]
    assert "5550101" not in str(deeds(console)).replace("***0101", "")


@pytest.mark.parametrize(
    "change",
    [{"recipient": "nobody"}, {"sender": "+12025559999"}, {"reason": ""}, {"reason": "x" * 201}],
    ids=str,
)
async def test_what_cannot_be_added_is_refused(console: Console, change: dict[str, str]) -> None:
    one = await console.person("oscar")
    form = {"sender": SENDER, "recipient": NUMBER, "reason": "r", **change}
    assert (await one.post(f"{LIST}/add", form)).status == 422
    assert in_force(console) == []
