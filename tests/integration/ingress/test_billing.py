"""Bills by the native API and by the command line."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from yarl import URL

from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.settings import Settings
from broker.storage import messages
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.factories import make_message
from tests.integration.ingress.conftest import DOCUMENT, KEY, OTHER_KEY, Ingress, Running

DAY = datetime(2026, 11, 1, 4, tzinfo=UTC)
"""Midnight in New York, before summer time ends there."""


@pytest.fixture
async def ingress(running: Running, settings: Settings) -> AsyncIterator[Ingress]:
    accounts: Any = DOCUMENT["accounts"]
    document = {**DOCUMENT, "accounts": [{**one, "timezone": "America/New_York"} for one in accounts]}
    async with running(document=document) as one:
        database = Database(settings.database)
        fresh = [sent(DAY + timedelta(hours=n), note=f"=note {n}") for n in (-1, 0, 24, 25)]
        fresh.append(sent(DAY, account="globex"))
        database.write(lambda sql: messages.add(sql, fresh))
        database.close()
        yield one


def sent(at: datetime, **changes: Any) -> Fresh:
    message = make_message(id=new_id(round(at.timestamp() * 1000)), created_at=at, **changes)
    return Fresh(message=message, event=Event.CLAIM, due_at=1)


async def notes(ingress: Ingress, query: str, *, key: str = KEY) -> list[str]:
    answer = await ingress.get(f"/v1/billing?{query}", key=key)
    assert answer.status == 200
    return [bill["note"] for bill in (await answer.json())["data"]]


async def test_an_account_sees_its_own_bills_and_no_others(ingress: Ingress) -> None:
    assert await notes(ingress, "") == ["=note -1", "=note 0", "=note 24", "=note 25"]
    assert await notes(ingress, "", key=OTHER_KEY) == [""]


async def test_days_are_those_of_the_accounts_zone(ingress: Ingress) -> None:
    assert await notes(ingress, "since=2026-11-01&until=2026-11-02") == ["=note 0", "=note 24"]
    assert await notes(ingress, "since=2026-11-02") == ["=note 25"]
    assert await notes(ingress, "since=2026-11-02T05:00:00Z") == ["=note 25"]
    assert await notes(ingress, "until=2026-10-31T23:30:00-04:00") == ["=note -1"]


async def test_a_cursor_leads_through_all_pages(ingress: Ingress) -> None:
    seen = list[str]()
    cursor: str | None = ""
    while cursor is not None:
        answer = await ingress.get(f"/v1/billing?limit=3&cursor={cursor}")
        page = await answer.json()
        seen += [bill["note"] for bill in page["data"]]
        cursor = page["next_cursor"]
    assert seen == ["=note -1", "=note 0", "=note 24", "=note 25"]


async def test_who_accepts_csv_gets_csv_with_a_link_to_the_rest(ingress: Ingress) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Accept": "text/csv"}
    rows, path = list[dict[str, str]](), "/v1/billing?limit=3&since=2026-10-01"
    for _ in range(2):
        answer = await ingress.client.get(ingress.url + path, headers=headers)
        assert answer.content_type == "text/csv"
        assert answer.headers["Cache-Control"] == "no-store"
        rows += csv.DictReader(io.StringIO(await answer.text(), newline=""))
        if "next" in answer.links:
            path = URL(answer.links["next"]["url"]).path_qs
    assert [row["note"] for row in rows] == ["'=note -1", "'=note 0", "'=note 24", "'=note 25"]
    assert "next" not in answer.links


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "until=2026-13-01", "limit=0", "cursor=x", "account=globex", "since=1&since=2"],
)
async def test_a_question_that_cannot_be_used_is_refused(ingress: Ingress, query: str) -> None:
    answer = await ingress.get(f"/v1/billing?{query}")
    assert (answer.status, (await answer.json())["code"]) == (400, "malformed")


async def test_bills_are_shown_to_their_account_only(ingress: Ingress) -> None:
    assert (await ingress.client.get(f"{ingress.url}/v1/billing")).status == 401


def export(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
    env |= {"BROKER_DATA_DIR": str(settings.data_dir)}
    command = [sys.executable, "-m", "broker.cli.main", "billing", *words]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


async def test_operators_export_any_accounts_bills(ingress: Ingress, settings: Settings) -> None:
    done = export(settings, "--account", "acme", "--from", "2026-11-01", "--to", "2026-11-02")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert [(row["account"], row["note"]) for row in rows] == [("acme", "'=note 0"), ("acme", "'=note 24")]
    empty = export(settings, "--account", "acme", "--from", "2030-01-01")
    assert len(empty.stdout.splitlines()) == 1


@pytest.mark.parametrize("words", [("--account", "nobody"), ("--account", "acme", "--from", "soon")])
async def test_a_wrong_export_says_so_in_a_sentence(
    ingress: Ingress,
    settings: Settings,
    words: tuple[str, ...],
) -> None:
    done = export(settings, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
