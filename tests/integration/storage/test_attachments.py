"""Messages with files, on both databases: found by walking down a key, and only so far."""

import pytest

from broker.domain.ids import new_id
from broker.domain.message import Part, PartState
from broker.domain.search import FileSearch, Search
from broker.domain.status import Event
from broker.storage import attachments, browsing, messages
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.factories import NOW_MS, make_message

STORED = Part(index=1, content_type="image/png", state=PartState.STORED, path="/a/1.png")
LOST = Part(index=2, content_type="video/3gpp", state=PartState.LOST)


@pytest.fixture
def ids(database: Database) -> list[str]:
    """Six messages, the oldest first: every second one has a stored picture, the others only what was lost."""
    made = [
        make_message(id=new_id(1_790_000_000_000 + n), parts=(STORED, LOST) if n % 2 else (LOST,))
        for n in range(6)
    ]
    fresh = [Fresh(message=one, event=Event.PREPARE, due_at=NOW_MS, connection="b-1") for one in made]
    database.write(lambda sql: messages.add(sql, fresh))
    return [one.id for one in made]


def walk(database: Database, *, looked_at: int, **search: object) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        asked = FileSearch(cursor=cursor, **search)  # type: ignore[arg-type]
        page = database.read(lambda sql, asked=asked: attachments.page(sql, asked, looked_at=looked_at))
        found += [one.id for one in page.messages]
        if page.older is None:
            return found
        cursor = page.older


@pytest.mark.parametrize("looked_at", [1, 2, 3, 100])
def test_every_message_with_a_file_is_found_however_far_a_page_looks(
    database: Database, ids: list[str], looked_at: int
) -> None:
    assert walk(database, looked_at=looked_at) == ids[:0:-2]
    assert walk(database, looked_at=looked_at, limit=1) == ids[:0:-2]
    assert walk(database, looked_at=looked_at, kind="image/") == ids[:0:-2]
    assert walk(database, looked_at=looked_at, kind="video/") == []
    assert walk(database, looked_at=looked_at, account="acme", newest=ids[3], oldest=ids[1]) == [
        ids[3],
        ids[1],
    ]
    assert walk(database, looked_at=looked_at, account="globex") == []


def test_what_is_newer_than_a_message_is_counted_as_the_list_is_filtered(
    database: Database, ids: list[str]
) -> None:
    def newer(than: str, most: int = 99, **search: object) -> int:
        return database.read(
            lambda sql: browsing.newer(sql, Search(**search), than, most=most)  # type: ignore[arg-type]
        )

    assert [newer(one) for one in ids] == [5, 4, 3, 2, 1, 0]
    assert newer("") == 6
    assert newer("", most=4) == 4
    assert newer("", account="globex") == newer("", connection="b-2") == 0
