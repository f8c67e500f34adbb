"""The audit, attachments and settings through a real socket: the same as the console shows, and to the same people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from broker.domain.deed import Deed, Door
from broker.domain.ids import new_id
from broker.domain.message import Direction, Part, PartState
from broker.settings import Settings
from broker.storage import audit, messages
from broker.storage.messages import Fresh
from tests.factories import make_message
from tests.integration.ingress.conftest import KEY, Running
from tests.integration.ingress.test_letters import write
from tests.integration.ingress.test_operations import OPERATOR, VIEWER, WITH_PEOPLE, ask

AUDIT, FILES, SETTINGS = (f"/v1/operators/{name}" for name in ("audit", "attachments", "settings"))
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def with_files(settings: Settings, count: int, **changes: Any) -> list[str]:
    """Put in arrivals with one stored file and one that is lost; return their ids, the newest first."""
    made = [
        make_message(
            id=new_id(1_000 * number),
            direction=Direction.IN,
            created_at=AT,
            parts=(
                Part(
                    index=1,
                    content_type=changes.get("content_type", "image/png"),
                    name="a.png",
                    state=PartState.STORED,
                    size=7,
                    sha256="ab" * 32,
                    path="/MMSAttachments/a.png",
                ),
                Part(index=2, content_type="video/3gpp", state=PartState.LOST),
            ),
            **{name: value for name, value in changes.items() if name != "content_type"},
        )
        for number in range(1, count + 1)
    ]
    write(settings, lambda sql: messages.add(sql, [Fresh(message=one, event=None) for one in made]))
    return [one.id for one in made][::-1]


async def test_the_audit_is_listed_newest_first_filtered_and_paged(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        for number in range(5):
            deed = Deed(
                operator=f"o{number % 2}",
                door=Door.CONSOLE,
                action="connections pause",
                subject=f"c{number}",
                reason="+12025550101 asked",
                details={"mps": "5"},
                refused="no" if number == 4 else "",
            )
            write(settings, lambda sql, one=deed: audit.note(sql, one, at=AT))
        status, page = await ask(ingress, AUDIT, OPERATOR, limit="1")
        assert status == 200
        assert page["data"] == [
            {
                "id": page["data"][0]["id"],
                "at": "2026-11-21T12:00:00.000Z",
                "operator": "o0",
                "door": "console",
                "action": "connections pause",
                "subject": "c4",
                "reason": "+1202***0101 asked",
                "details": {"mps": "5"},
                "refused": "no",
            }
        ]
        _, second = await ask(ingress, AUDIT, OPERATOR, cursor=page["next_cursor"], operator="o0")
        assert [row["subject"] for row in second["data"]] == ["c2", "c0"]
        assert second["next_cursor"] is None
        assert (await ask(ingress, AUDIT, OPERATOR, subject="c3", action="none"))[1]["data"] == []
        for wrong in ({"cursor": "x"}, {"limit": "0"}, {"who": "o1"}):
            assert (await ask(ingress, AUDIT, OPERATOR, **wrong))[0] == 400


async def test_stored_files_are_listed_by_message_with_masked_numbers(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        first, second = with_files(settings, 2)
        (other,) = with_files(settings, 1, account="globex", content_type="audio/amr")
        status, page = await ask(ingress, FILES, limit="1")
        assert status == 200
        assert page["data"][0] == {
            "message_id": first,
            "account": "acme",
            "direction": "in",
            "status": "accepted",
            "from": "+1202***0150",
            "to": "+1202***0101",
            "created_at": "2026-11-21T12:00:00.000Z",
            "files": [
                {
                    "id": f"{first}.1",
                    "index": 1,
                    "content_type": "image/png",
                    "name": "a.png",
                    "size": 7,
                    "sha256": "ab" * 32,
                    "path": "/MMSAttachments/a.png",
                }
            ],
        }
        _, rest = await ask(ingress, FILES, cursor=page["next_cursor"])
        assert {row["message_id"] for row in rest["data"]} == {second, other}
        for query, ids in (
            ({"account": "globex"}, [other]),
            ({"type": "audio"}, [other]),
            ({"type": "video"}, []),
        ):
            _, found = await ask(ingress, FILES, **query)
            assert [row["message_id"] for row in found["data"]] == ids
        for wrong in ({"type": "image/png"}, {"cursor": "x"}):
            assert (await ask(ingress, FILES, **wrong))[0] == 400


async def test_settings_are_told_with_their_origin_and_without_secrets(
    running: Running, settings: Settings
) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        status, found = await ask(ingress, SETTINGS, OPERATOR)
        assert status == 200
        rows = {row["name"]: row for row in found["data"]}
        assert (rows["secret_key"]["value"], rows["secret_key"]["origin"]) == (
            "set; it is not shown",
            "given at start",
        )
        assert rows["max_recipients"]["value"] == "1000"
        assert rows["max_recipients"]["origin"] == "default"
        assert settings.secret_key.get_secret_value() not in str(found)
        assert {"Python", "celery"} <= found["versions"].keys()


@pytest.mark.parametrize("path", [AUDIT, FILES, SETTINGS])
async def test_they_are_for_operators_only(running: Running, settings: Settings, path: str) -> None:
    async with running(settings, WITH_PEOPLE) as ingress:
        assert (await ask(ingress, path, {}))[0] == 401
        assert (await ask(ingress, path, {"Authorization": f"Bearer {KEY}"}))[0] == 401
        assert (await ask(ingress, path, VIEWER))[0] == (200 if path == FILES else 403)
