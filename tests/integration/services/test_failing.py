"""What goes wrong over a connection: looked for once in a while, whoever asks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from broker.services.failing import Failing
from broker.services.sql import AsyncSql
from broker.storage.database import Database
from tests.integration.storage.test_flowing import send

HOUR = timedelta(hours=1)


@pytest.fixture
def sql(database: Database) -> Iterator[AsyncSql]:
    """The database, for the loop."""
    with ThreadPoolExecutor() as executor:
        yield AsyncSql(database, executor)


def fail(database: Database, name: str) -> None:
    """Have an attempt fail over a connection."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    database.write(lambda one: send(one, at, 1, outcome="not_sent", name=name))


async def test_what_was_found_is_shown_to_everybody_for_a_while(database: Database, sql: AsyncSql) -> None:
    failing = Failing(sql, fresh_s=1000)

    async def look(name: str, window: timedelta = HOUR) -> int:
        return sum(one.number for one in (await failing.look(name, window)).failures)

    fail(database, "b-1")
    assert (await look("b-1"), await look("b-2")) == (1, 0)
    fail(database, "b-1")
    assert await look("b-1") == 1, "it is not looked for again"
    assert await look("b-1", 2 * HOUR) == 2, "another window is another answer"
    fail(database, "b-3")
    assert await look("b-3") == 1, "and so is another connection"


async def test_after_a_while_it_is_looked_for_again(database: Database, sql: AsyncSql) -> None:
    failing = Failing(sql, fresh_s=-1)
    assert not (await failing.look("b-1", HOUR)).failures
    fail(database, "b-1")
    assert (await failing.look("b-1", HOUR)).failures
