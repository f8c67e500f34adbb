"""Whatever strangers ask for, the labels of the metrics are words of ours: nobody can make them grow."""

import asyncio
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.ingress.conftest import WEBHOOK, Ingress

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"}
ROUTES = {
    "/v1/messages/{id}",
    "/v1/messages",
    "/media/{token}",
    "/console/messages/{id}",
    "/webhooks/{connection}",
    "unmatched",
}
ASKED = (
    "GET /v1/messages/0192f8a4-6c1e-7b52-9d3c-5f0a1c7e2b64",
    "GET /nothing/+12025550101?token=hush",
    "PROPFIND /v1/messages",
    "MKCALENDAR /",
    "XYZZY /v1/messages",
    "GET /media/hush",
    "GET /console/messages/hush",
    "GET /retrieve?user=hush",
    "POST /webhooks/hush",
)


async def ask(ingress: Ingress, line: str) -> None:
    """Send a request as it stands."""
    address = urlsplit(ingress.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    words = [f"{line} HTTP/1.1", "Host: x", "Connection: close", "Content-Length: 0"]
    words.append(f"Authorization: {WEBHOOK['Authorization']}")
    writer.write("\r\n".join((*words, "", "")).encode())
    async with asyncio.timeout(20):
        await reader.read()
    writer.close()


async def test_labels_do_not_grow_with_what_strangers_ask_for(ingress: Ingress) -> None:
    for line in ASKED:
        await ask(ingress, line)
    text = await (await ingress.client.get(f"{ingress.url}/metrics")).text()
    assert "hush" not in text
    assert "0192f8a4" not in text
    assert "2025550101" not in text
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    assert labels["method"] <= METHODS
    assert {"GET", "other"} <= labels["method"]
    assert labels["connection"] == {"bandwidth-1"}
    assert labels["route"] == ROUTES
