"""What a refused send brings along does not stay on the disk."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, FormData

from broker.settings import Settings
from tests.integration.ingress.conftest import DOCUMENT, KEY, Ingress, Running

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)
SENDS = 3


def document(**limits: Any) -> dict[str, Any]:
    """Return a document whose first account has limits."""
    accounts: Any = DOCUMENT["accounts"]
    return {**DOCUMENT, "accounts": [{**accounts[0], **limits}, *accounts[1:]]}


async def send(ingress: Ingress, *files: bytes, **headers: str) -> ClientResponse:
    """Send files in a form."""
    form = FormData()
    form.add_field("message", '{"to": "+12025550101"}', content_type="application/json")
    for data in files:
        form.add_field("media", data, filename="cat.png", content_type="image/png")
    wanted = {"Authorization": f"Bearer {KEY}", **headers}
    return await ingress.client.post(f"{ingress.url}/v1/messages", data=form, headers=wanted)


def kept(settings: Settings) -> list[Path]:
    """Return every file among the uploads."""
    return sorted(path for path in settings.uploads.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"credit": 0}, "out_of_credit"), ({"daily_limit": 0}, "quota_exceeded")],
    ids=["without credit", "without quota"],
)
async def test_who_may_send_nothing_more_fills_no_disk(
    running: Running, settings: Settings, limits: dict[str, int], code: str
) -> None:
    async with running(settings, document(**limits)) as ingress:
        answers = [await send(ingress, PNG, PNG) for _ in range(SENDS)]
        assert [(await one.json())["code"] for one in answers] == [code] * SENDS
    assert kept(settings) == []


async def test_the_good_files_beside_a_bad_one_do_not_stay(ingress: Ingress, settings: Settings) -> None:
    answer = await send(ingress, PNG, b"no picture")
    assert 400 <= answer.status < 500
    assert kept(settings) == []


async def test_a_repeated_send_stores_its_files_once(ingress: Ingress, settings: Settings) -> None:
    for replayed in (None, "true"):
        answer = await send(ingress, PNG, **{"Idempotency-Key": "once"})
        assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (202, replayed)
    assert [path.read_bytes() for path in kept(settings) if not path.suffix] == [PNG]


async def test_what_was_uploaded_before_outlives_a_refused_send(running: Running, settings: Settings) -> None:
    async with running(settings, document(credit=0)) as ingress:
        form = FormData()
        form.add_field("media", PNG, filename="cat.png", content_type="image/png")
        bearer = {"Authorization": f"Bearer {KEY}"}
        upload = await ingress.client.post(f"{ingress.url}/v1/media", data=form, headers=bearer)
        media_id = (await upload.json())["id"]
        assert (await ingress.send({"media": [{"id": media_id}]})).status == 402
    assert settings.uploads / "acme" / media_id in kept(settings)
