"""Make the README's pictures of the console: `.venv/bin/python -m tests.integration.console.pictures`."""

import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from broker.domain.ids import new_id
from broker.domain.status import BAD_ENDS, GOOD_ENDS, Event
from broker.keyspace.client import open_sync
from broker.keyspace.presence import Presence, Worker
from broker.settings import Settings
from broker.storage import messages, minutes, submissions
from broker.storage.database import Database, Sql
from broker.storage.messages import Fresh, Move
from broker.storage.submissions import Ended
from tests.conftest import SECRET_KEY
from tests.factories import NOW_MS, make_message
from tests.integration.console.browsing import looking, served
from tests.integration.console.conftest import PASSWORDS, WITH_PEOPLE
from tests.prepared import prepare
from tests.redis_server import RedisServer

FOLDER = Path(__file__).parents[3] / "docs"
SIZE = "1360,940"
MINUTES = 60
CAUSES = ("4470 rejected as spam", "4720 unreachable", "4432 forbidden to the network", "4720 unreachable")
_CHANCE = random.Random(7)  # the picture is the same each time


def main(folder: Path = FOLDER) -> None:
    """Take one picture in each theme."""
    with tempfile.TemporaryDirectory() as place:
        redis = RedisServer(Path(place) / "redis").start()
        try:
            settings = Settings(
                data_dir=Path(place), redis_url=f"{redis.url}/0", secret_key=SecretStr(SECRET_KEY), port=0
            )
            fill(settings)
            with served(settings) as url, looking(SIZE) as browser:
                take(browser, url, folder)
        finally:
            redis.kill()


def take(browser: webdriver.Chrome, url: str, folder: Path) -> None:
    """Sign in, and take the pictures."""
    browser.get(f"{url}/console/")
    browser.find_element(By.NAME, "name").send_keys("ada", Keys.TAB)
    browser.find_element(By.NAME, "password").send_keys(PASSWORDS["ada"], Keys.ENTER)
    for theme in ("light", "dark"):
        patience = WebDriverWait(browser, 20)
        patience.until(lambda one: one.title.startswith("Overview"))
        Select(browser.find_element(By.ID, "theme")).select_by_value(theme)
        patience.until(
            lambda one: one.find_element(By.TAG_NAME, "html").get_attribute("data-theme") == theme  # noqa: B023
        )
        patience.until(lambda one: "on" in (one.find_element(By.ID, "live").get_attribute("class") or ""))
        browser.save_screenshot(str(folder / f"console-{theme}.png"))


def fill(settings: Settings) -> None:
    """Have an hour of messages behind us, most of which went well."""
    connection = WITH_PEOPLE["connections"][0]
    second = {**connection, "name": "bandwidth-2", "senders": ["+12025550151"]}
    prepare(settings, {**WITH_PEOPLE, "connections": [connection, second]})
    database = Database(settings.database)
    database.write(_messages)
    database.write(_noted)
    database.close()
    with open_sync(settings.redis_url, settings) as client:
        client.set("scheduler:leader", "scheduler")
        for pid, queues in (
            (4711, ("submit", "submit.high", "events")),
            (4712, ("callbacks", "media", "sweeps")),
        ):
            Presence(client).say(_worker(pid, queues))


def _worker(pid: int, queues: tuple[str, ...]) -> Worker:
    return Worker(
        name=f"worker-{pid}@host",
        host="host",
        pid=pid,
        queues=queues,
        threads=8,
        busy=1,
        done=1200,
        failed=0,
        memory=91_000_000,
        version="0",
        started_ms=0,
    )


def _messages(sql: Sql) -> None:
    now = datetime.now(UTC)
    for minute in range(MINUTES):
        fresh: list[Fresh] = []
        moves: list[Move] = []
        for _ in range(24 + round(12 * (minute % 9) / 9) + _CHANCE.randrange(8)):
            at = now - timedelta(seconds=60 * (MINUTES - 1 - minute) * 0.98 + _CHANCE.random() * 50)
            one = make_message(
                id=new_id(round(at.timestamp() * 1000)),
                created_at=at,
                recipient=f"+1202555{_CHANCE.randrange(10000):04}",
            )
            name = "bandwidth-1" if _CHANCE.random() < 0.7 else "bandwidth-2"
            fresh.append(Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS, connection=name))
            moves += _fate(one.id, at)
        messages.add(sql, fresh)
        _submit(sql, fresh)
        messages.move(sql, moves)


def _noted(sql: Sql) -> None:
    """Note each minute, as the scheduler does."""
    this = datetime.now(UTC).replace(second=0, microsecond=0)
    for ago in range(1, MINUTES):
        at = this - ago * minutes.MINUTE
        names = ["bandwidth-1", "bandwidth-2"]
        minutes.note(sql, {at: minutes.count(sql, at, names=names, good=GOOD_ENDS, bad=BAD_ENDS)})
        waiting = {"submit": 6 + ago % 7 + _CHANCE.randrange(4), "callbacks": 2 + ago % 5, "media": ago % 3}
        minutes.see(sql, at, waiting)


def _submit(sql: Sql, fresh: list[Fresh]) -> None:
    for one in fresh:
        began = one.message.created_at
        took = 0.2 + _CHANCE.random() ** 6 * 2 + (began.minute % 11 == 0)
        submissions.begin(sql, [(one.message.id, 1, str(one.connection))], at=began)
        done = Ended(message_id=one.message.id, number=1, at=began + timedelta(seconds=took), outcome="sent")
        submissions.end(sql, [done])


def _fate(name: str, at: datetime) -> list[Move]:
    chance = _CHANCE.random()
    known: dict[str, Any] = {"id": name, "at": at + timedelta(seconds=1)}
    taken = Move(event=Event.RECEIPT, key="r", provider_ref=name[:30], **known)
    if chance < 0.03:
        return [Move(event=Event.REFUSE, key="x", detail=_CHANCE.choice(CAUSES), **known)]
    if chance < 0.07:
        return [taken]
    return [taken, Move(event=Event.DELIVER, key="d", id=name, at=at + timedelta(seconds=3))]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
