"""After a form a browser is led to a page that says what was done, can be loaded again, and does nothing."""

from typing import Any

import pytest

from broker.domain.ids import new_id
from tests.integration.console.conftest import Console
from tests.integration.console.filling import fill, fill_beside
from tests.integration.console.test_pages import standings

STRETCH = {"since": "2026-01-01T00:00", "until": "2036-01-01T00:00"}
CASE = {"kind": "webhook", "error": "ValueError", "connection": "bandwidth-1", "until": "2099-01-01T00:00"}
FORMS = [
    ("callbacks/replay", {"rate": "5"}, "1 callback is owed again"),
    ("dead-letters/settle", {"id": "{letter}", "what": "discard"}, "1 on its way"),
    (
        "dead-letters/all",
        {**CASE, "what": "put back", "sure": "yes", "rate": "5"},
        "1 letters are on their way",
    ),
    ("dead-letters/stay", {}, "0 letters stay here"),
    (
        "opt-outs/add",
        {"sender": "+12025550150", "recipient": "+12025550199"},
        "From now on it gets nothing more.",
    ),
    ("opt-outs/remove", {"id": "1"}, "It may be written to again."),
    ("webhooks/replay", {**STRETCH, "connection": "bandwidth-1"}, "2 webhooks were read again"),
]


@pytest.mark.parametrize(("path", "form", "text"), FORMS, ids=[path for path, *_ in FORMS])
async def test_a_form_leads_to_a_page_that_says_what_was_done_and_loading_it_again_does_nothing(
    console: Console, path: str, form: dict[str, Any], text: str
) -> None:
    letter = fill(console.database, console.settings).letter
    fill_beside(console.database)
    one = await console.person("ada")
    sent = {name: value.format(letter=letter) for name, value in form.items()}
    answer = await one.post(f"/console/{path}", {**sent, "reason": "r"})
    assert answer.status == 303, answer.seen
    place = answer.headers["Location"]
    assert place.startswith(f"/console/{path.partition('/')[0]}?")
    after = standings(console)
    for _ in range(2):
        assert f"✓ {text}" in (await one.get(place)).seen
    assert standings(console) == after
    other = await console.person("oscar")
    assert text not in (await other.get(place)).seen, "it is said to who did it"


async def test_what_is_not_kept_any_more_is_not_said_and_the_page_is_there(console: Console) -> None:
    one = await console.person("vera")
    for number in (new_id(), "x", "%00"):
        page = await one.get(f"/console/dead-letters?done={number}")
        assert page.status == 200
        assert 'class="alert good"' not in page.text
