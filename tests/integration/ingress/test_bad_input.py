"""What customers get wrong: always a 4xx in the dialect's own form, and nothing is stored."""

import asyncio
import io
import shutil
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
import redis
from aiohttp import ClientSession, ClientTimeout, FormData

from broker.ingress.serving import serving
from broker.keyspace.content import decode
from broker.settings import Settings
from tests.conftest import SECRET_KEY
from tests.integration.ingress.conftest import DOCUMENT, KEY, OTHER_KEY, PASSWORD, Ingress
from tests.prepared import prepare
from tests.redis_server import RedisServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
BEARER = {"Authorization": f"Bearer {KEY}"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings that the tests of this module share, as they share the ingress: none of them leaves anything."""
    redis_url = f"{redis_server.url}/15"
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"), redis_url=redis_url, secret_key=SECRET_KEY, port=0
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(settings: Settings) -> AsyncIterator[Ingress]:
    prepare(settings, DOCUMENT)
    async with serving(settings) as port, ClientSession(timeout=ClientTimeout(total=20)) as session:
        yield Ingress(url=f"http://127.0.0.1:{port}", client=session)


@pytest.fixture
def ingress(shared: Ingress, settings: Settings) -> Iterator[Ingress]:
    """The shared ingress over an empty Redis."""
    with redis.Redis.from_url(settings.redis_url) as one:
        one.flushdb()
    shutil.rmtree(settings.outbox, ignore_errors=True)
    yield shared
    shutil.rmtree(settings.uploads, ignore_errors=True)


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    with redis.Redis.from_url(settings.redis_url) as one:
        yield one


def _form(*headers: str, content: bytes = b"x") -> bytes:
    return b"--b\r\n" + "\r\n".join(headers).encode() + b"\r\n\r\n" + content + b"\r\n--b--\r\n"


async def post(ingress: Ingress, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    wanted = {
        **BEARER,
        "Content-Type": "application/json",
        **{n.replace("_", "-"): v for n, v in headers.items()},
    }
    answer = await ingress.client.post(f"{ingress.url}/v1/messages", data=body, headers=wanted)
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, await answer.json()


def blamed(body: dict[str, Any]) -> set[str]:
    return {error["pointer"] for error in body["errors"]}


@pytest.mark.parametrize(
    "number",
    [
        "",
        " ",
        "abc",
        "+1202555010a",
        "+12025550101\n",
        "+1\uff12\uff10\uff12\uff15\uff15\uff15\uff10\uff11\uff10\uff11",
        "+1\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0660\u0661",
        "+120255501²¹",
        "++12025550101",
        "+1_2025550101",
        "12",
        "+" + "1" * 40,
        "+1202\x00550101",
        "+12025550101;ext=1",
        "\u202e+12025550101",
    ],
)
async def test_a_bad_number_names_its_field(ingress: Ingress, client: Any, number: str) -> None:
    answer = await ingress.send({"to": number})
    body = await answer.json()
    assert answer.status in {400, 422}, body
    if answer.status == 422:
        assert blamed(body) == {"/to"}
    in_list = await ingress.send({"to": ["+12025550102", number]})
    assert 400 <= in_list.status < 500
    assert client.keys("msg:*") == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"to": 12025550101}, "/to"),
        ({"to": None}, "/to"),
        ({"to": []}, "/to"),
        ({"to": {"a": 1}}, "/to"),
        ({"to": [["+12025550101"]]}, "/to/0"),
        ({"to": True}, "/to"),
        ({"text": 7}, "/text"),
        ({"text": ["a"]}, "/text"),
        ({"text": ""}, "/text"),
        ({"text": "x" * 1_000_000}, "/text"),
        ({"from": "+12025559999"}, "/from"),
        ({"from": 5}, "/from"),
        ({"media": [{"url": "http://127.0.0.1/x.png"}]}, "/media/0"),
        ({"media": [{"url": "https://media.example.com/a.png"}, {"url": "http://[::1]/x.png"}]}, "/media/1"),
        ({"media": [{"url": "http://169.254.169.254/latest"}]}, "/media/0"),
        ({"media": [{"url": "file:///etc/passwd"}]}, "/media/0"),
        ({"media": [{"url": "http://localhost/x.png"}]}, "/media/0"),
        ({"media": [{"id": "../../etc/passwd"}]}, "/media/0"),
        ({"media": "https://media.example.com/a.png"}, "/media"),
        ({"callback_url": "http://10.0.0.1/hook"}, "/callback_url"),
        ({"priority": "urgent"}, "/priority"),
        ({"group": "yes"}, "/group"),
        ({"send_at": "tomorrow"}, "/send_at"),
        ({"valid_until": "2001-01-01T00:00:00Z"}, "/valid_until"),
        ({"tags": {"a": 1}}, "/tags/a"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_a_wrong_field_is_named(
    ingress: Ingress, client: Any, change: dict[str, Any], pointer: str
) -> None:
    answer = await ingress.send(change)
    body = await answer.json()
    assert 400 <= answer.status < 500, body
    assert any(one == pointer or one.startswith(pointer + "/") for one in blamed(body)), body
    assert client.keys("msg:*") == []
    assert client.zcard("fresh:submit") == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b'{"to": "+12025550101", "text": "a", "text": "b"}',
        b'{"to": "+12025550101", "text": "\\ud800"}',
        b'{"to": "+12025550101", "text": "\\u0000"}',
        b'{"to": "+12025550101", "text": "\xff\xfe"}',
        b'{"to": "+12025550101", "text": NaN}',
        b'{"to": "+12025550101", "priority": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"to":' * 50_000,
        b'{"to": "+12025550101", "tags": ' + b'{"a":' * 2000 + b"1" + b"}" * 2000 + b"}",
        b'\xef\xbb\xbf{"to": "+12025550101"',
        b'{"to": "+12025550101", "text": "a"} trailing',
    ],
)
async def test_a_body_that_cannot_be_read_is_malformed(ingress: Ingress, client: Any, body: bytes) -> None:
    status, problem = await post(ingress, body)
    assert 400 <= status < 500, problem
    assert client.keys("msg:*") == []


async def test_all_wrong_recipients_are_named_at_once(ingress: Ingress) -> None:
    answer = await ingress.send({"to": ["+12025550101", "x", "+12025550102", "y"]})
    assert (answer.status, blamed(await answer.json())) == (422, {"/to/1", "/to/3"})


async def test_one_number_written_twice_is_named(ingress: Ingress) -> None:
    answer = await ingress.send({"to": ["+12025550101", "(202) 555-0101"]})
    assert (answer.status, blamed(await answer.json())) == (422, {"/to/1"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer \u00e9"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + "QQ" * 2000},
        {"Authorization": "Digest x"},
    ],
)
async def test_unknown_or_missing_credentials_are_401(ingress: Ingress, headers: dict[str, str]) -> None:
    body = {"to": "+12025550101", "text": "Hello"}
    answer = await ingress.client.post(f"{ingress.url}/v1/messages", json=body, headers=headers)
    assert answer.status == 401
    assert "WWW-Authenticate" in answer.headers
    assert (await answer.json())["code"] == "authentication_failed"


@pytest.mark.parametrize("key", ["", "x" * 300, "two words", "caf\u00e9"])
async def test_a_bad_idempotency_key_is_malformed(ingress: Ingress, key: str) -> None:
    assert (await ingress.send(Idempotency_Key=key)).status == 400


async def test_an_account_without_the_right_sends_no_multimedia(ingress: Ingress) -> None:
    answer = await ingress.send({"media": [{"url": "https://media.example.com/a.png"}]}, key=OTHER_KEY)
    assert (answer.status, (await answer.json())["code"]) == (403, "not_permitted")


async def test_a_body_over_the_limit_is_413(ingress: Ingress, settings: Settings) -> None:
    body = io.BytesIO(b" " * (settings.body_limit + 1))
    answer = await ingress.client.post(f"{ingress.url}/v1/messages", data=body, headers=BEARER)
    assert (answer.status, (await answer.json())["code"]) == (413, "content_too_large")

    async def chunks() -> Any:
        for _ in range(settings.body_limit // 65536 + 2):
            yield b" " * 65536

    streamed = await ingress.client.post(f"{ingress.url}/v1/messages", data=chunks(), headers=BEARER)
    assert streamed.status == 413


async def test_a_compressed_body_is_refused(ingress: Ingress) -> None:
    status, _ = await post(ingress, b"\x1f\x8b", Content_Encoding="gzip")
    assert status == 415


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "nonsense", "application/json; charset=utf-16"]
)
async def test_a_body_of_another_type_is_415_or_malformed(ingress: Ingress, kind: str) -> None:
    status, _ = await post(ingress, b'{"to": 1}', Content_Type=kind)
    assert status in {400, 415, 422}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nothing of the kind",
        b"--b\r\n",
        _form("Content-Disposition: form-data"),
        _form("Content-Disposition: form-data; name=text", content=b"\xff\xfe"),
        _form(
            "Content-Disposition: form-data; name=text", "Content-Transfer-Encoding: base64", content=b"eA=="
        ),
        _form(
            "Content-Disposition: form-data; name=m",
            "Content-Type: multipart/mixed; boundary=c",
            content=b"--c--",
        ),
        _form("Content-Disposition: form-data; name=text", "Content-Type: text/plain; charset=nonsense"),
        _form("broken header"),
    ],
)
async def test_a_broken_form_is_malformed(ingress: Ingress, body: bytes) -> None:
    status, _ = await post(ingress, body, Content_Type="multipart/form-data; boundary=b")
    assert 400 <= status < 500


async def test_a_form_without_a_boundary_is_malformed(ingress: Ingress) -> None:
    status, _ = await post(ingress, b"x", Content_Type="multipart/form-data")
    assert 400 <= status < 500


async def test_a_form_of_too_many_parts_is_malformed(ingress: Ingress) -> None:
    part = b"--b\r\nContent-Disposition: form-data; name=text\r\n\r\nx\r\n"
    status, _ = await post(ingress, part * 600 + b"--b--\r\n", Content_Type="multipart/form-data; boundary=b")
    assert status == 400


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b"<html><script>alert(1)</script></html>", "a.png", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg+xml"),
        (b"MZ\x90\x00", "a.exe", "application/octet-stream"),
        (b"", "a.png", "image/png"),
        (b"no picture", "a.png", "image/png"),
    ],
)
async def test_media_of_a_forbidden_type_is_refused(
    ingress: Ingress, settings: Settings, data: bytes, name: str, kind: str
) -> None:
    form = FormData()
    form.add_field("media", data, filename=name, content_type=kind)
    upload = await ingress.client.post(f"{ingress.url}/v1/media", data=form, headers=BEARER)
    assert 400 <= upload.status < 500, await upload.text()
    assert not settings.uploads.exists()


async def test_media_over_the_limit_is_refused(ingress: Ingress, settings: Settings) -> None:
    form = FormData()
    data = io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(settings.media_part_limit))
    form.add_field("media", data, filename="a.png", content_type="image/png")
    upload = await ingress.client.post(f"{ingress.url}/v1/media", data=form, headers=BEARER)
    assert upload.status == 413


@pytest.mark.parametrize("action", ["sendmessage", "sendmsg", "nonsense", ""])
async def test_ozeki_says_it_in_its_own_form(ingress: Ingress, client: Any, action: str) -> None:
    url = f"{ingress.url}/api?action={action}&username=acme&password={quote(PASSWORD)}&recipient=abc&messagedata=x"
    answer = await ingress.client.get(url)
    assert answer.status < 500
    assert answer.headers["Cache-Control"] == "no-store"
    wrong = await ingress.client.get(f"{ingress.url}/api?action={action}&username=acme&password=wrong")
    assert wrong.status < 500
    assert client.keys("msg:*") == []


@pytest.mark.parametrize(
    "query", ["%ff%fe", "a=%00", "&".join(f"a{n}=1" for n in range(600)), "%zz", "a=\ud83d"]
)
async def test_any_query_is_answered(ingress: Ingress, query: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(ingress.url.rpartition(":")[2]))
    target = f"/api?{query}".encode("utf-8", "surrogatepass")
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    line = await reader.readline()
    assert int(line.split()[1]) < 500
    writer.close()


async def test_unknown_paths_and_methods_are_problems(ingress: Ingress) -> None:
    nowhere = await ingress.get("/v2/messages")
    assert (nowhere.status, (await nowhere.json())["code"]) == (404, "not_found")
    other = await ingress.client.delete(f"{ingress.url}/v1/messages", headers=BEARER)
    assert (other.status, other.headers["Allow"]) == (405, "GET, POST")
    odd = await ingress.client.get(f"{ingress.url}/%00%ff/..%2f..%2fetc")
    assert odd.status == 404


async def test_head_never_sends(ingress: Ingress, client: Any) -> None:
    query = (
        f"action=sendmessage&username=acme&password={quote(PASSWORD)}&recipient=%2B12025550101&messagedata=x"
    )
    answer = await ingress.client.head(f"{ingress.url}/api?{query}")
    assert answer.status == 405
    assert client.keys("msg:*") == []
    sent = await ingress.client.get(f"{ingress.url}/api?{query}")
    assert (sent.status, sent.headers["Cache-Control"]) == (200, "no-store")
    assert len(client.keys("msg:*")) == 1


async def test_a_list_query_that_cannot_be_used_is_named(ingress: Ingress) -> None:
    for query in ("limit=x", "status=nonsense", "cursor=!!!", "colour=red", "direction=up"):
        answer = await ingress.get(f"/v1/messages?{query}")
        assert 400 <= answer.status < 500, query


@pytest.mark.parametrize(
    "path", ["../globex/x.png", "/etc/passwd", "..\\x", "C:\\x.png", "missing.png", "a\x00b"]
)
async def test_ozeki_attachments_stay_below_the_accounts_own_folder(
    ingress: Ingress, client: Any, settings: Settings, path: str
) -> None:
    settings.outbox.joinpath("globex").mkdir(parents=True)
    settings.outbox.joinpath("globex", "x.png").write_bytes(PNG)
    body = {"messages": [{"to_address": "+12025550101", "text": "Hi", "attachments": [path]}]}
    url = f"{ingress.url}/api?action=sendmsg&username=acme&password={quote(PASSWORD)}"
    answer = await ingress.client.post(url, json=body)
    assert answer.status < 500
    assert client.keys("msg:*") == []


async def test_ozeki_attachments_in_the_accounts_own_folder_are_kept_by_us(
    ingress: Ingress, client: Any, settings: Settings
) -> None:
    settings.outbox.joinpath("acme").mkdir(parents=True)
    settings.outbox.joinpath("acme", "x.png").write_bytes(PNG)
    body = {"messages": [{"to_address": "+12025550101", "text": "Hi", "attachments": ["x.png"]}]}
    url = f"{ingress.url}/api?action=sendmsg&username=acme&password={quote(PASSWORD)}"
    await ingress.client.post(url, json=body)
    (name,) = client.keys("msg:*")
    (part,) = decode(client.get(name)).parts
    assert (part.name, part.size, part.sha256) == ("x.png", len(PNG), sha256(PNG).hexdigest())
