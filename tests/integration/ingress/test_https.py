"""HTTPS beside plain HTTP, with certificates made for the test."""

import asyncio
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector

from broker.errors import ConfigurationError
from broker.ingress.serving import serving
from broker.settings import Settings
from tests.integration.ingress.conftest import Ingress, Running
from tests.integration.net.certificates import certificate
from tests.redis_server import free_port

Make = Callable[..., Settings]


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A certificate with its key in one file."""
    return certificate(tmp_path, "127.0.0.1")


@pytest.fixture
def secure(make_settings: Make, pem: Path) -> Settings:
    return make_settings(tls_cert=pem, tls_host="127.0.0.1", tls_port=free_port())


@pytest.fixture
async def both(running: Running, secure: Settings) -> AsyncIterator[Ingress]:
    async with running(secure) as ingress:
        yield ingress


async def ask(settings: Settings, context: ssl.SSLContext, path: str = "/livez") -> int:
    """Ask over a connection of its own."""
    async with (
        ClientSession(connector=TCPConnector(ssl=context, force_close=True)) as client,
        client.get(f"https://127.0.0.1:{settings.tls_port}{path}") as answer,
    ):
        return answer.status


def trusting(pem: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pem))


async def test_both_listeners_serve_the_same(both: Ingress, secure: Settings, pem: Path) -> None:
    assert both.url.startswith("http://")
    assert (await both.send()).status == 202
    async with ClientSession(connector=TCPConnector(ssl=trusting(pem))) as client:
        over_tls = Ingress(url=f"https://127.0.0.1:{secure.tls_port}", client=client)
        sent = await over_tls.send()
        assert sent.status == 202
        assert (await over_tls.get(f"/v1/messages/{(await sent.json())['id']}")).status == 200


async def test_plain_http_is_not_spoken_where_https_is(both: Ingress, secure: Settings) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.tls_port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(20):
        assert b"HTTP/1.1 200" not in await reader.read()
    writer.close()


async def test_old_versions_of_tls_are_refused(both: Ingress, secure: Settings, pem: Path) -> None:
    old = trusting(pem)
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)ssl|tls|version|protocol"):
        await ask(secure, old)
    assert await ask(secure, trusting(pem)) == 200


@pytest.mark.parametrize("told", [True, False], ids=["on SIGHUP", "by itself"])
async def test_a_renewed_certificate_is_used_without_a_restart(
    running: Running, secure: Settings, pem: Path, tmp_path: Path, told: bool
) -> None:
    async with running(secure, renew_s=600 if told else 0.02) as ingress:
        assert await ask(secure, trusting(pem)) == 200
        (tmp_path / "new").mkdir()
        renewed = certificate(tmp_path / "new", "127.0.0.1")
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(secure, trusting(renewed))

        pem.write_bytes(renewed.read_bytes())
        if told:
            os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await ask(secure, trusting(renewed)) == 200
                    break
                except OSError:
                    await asyncio.sleep(0.02)
        assert (await ingress.send()).status == 202


async def test_a_renewal_that_cannot_be_used_changes_nothing(
    running: Running, secure: Settings, pem: Path, tmp_path: Path
) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(pem.read_bytes())
    async with running(secure, renew_s=600):
        for broken in (b"", b"half a certific", None):
            if broken is None:
                pem.unlink()
            else:
                pem.write_bytes(broken)
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
            assert await ask(secure, trusting(trusted)) == 200


async def test_the_end_that_is_shown_is_that_of_what_is_served_and_not_of_a_file_that_cannot_be_used(
    running: Running, secure: Settings, pem: Path, tmp_path: Path
) -> None:
    async def shown(ingress: Ingress) -> int:
        text = await (await ingress.client.get(f"{ingress.url}/metrics")).text()
        (line,) = [one for one in text.splitlines() if one.startswith("broker_certificate_ends_seconds ")]
        return round((float(line.split()[1]) - time.time()) / 86400)

    (tmp_path / "new").mkdir()
    later = certificate(tmp_path / "new", "127.0.0.1", days=90)
    without_its_key = key_only(pem) + later.read_bytes().removeprefix(key_only(later))
    async with running(secure, renew_s=600) as ingress:
        assert await shown(ingress) == 1
        for content, days in ((without_its_key, 1), (b"", 1), (later.read_bytes(), 90)):
            pem.write_bytes(content)
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
            assert await shown(ingress) == days


def key_only(pem: Path) -> bytes:
    return pem.read_bytes().partition(b"-----BEGIN CERTIFICATE")[0]


@pytest.mark.parametrize(
    ("cert", "key", "said"),
    [
        ("missing.pem", None, "BROKER_TLS_CERT: .*missing.pem cannot be read: No such file"),
        ("127.0.0.1.pem", "missing.pem", "BROKER_TLS_KEY: .*missing.pem cannot be read: No such file"),
        (".", None, "BROKER_TLS_CERT: .* cannot be read: Is a directory"),
        (
            "127.0.0.1.pem",
            "127.0.0.2.pem",
            "BROKER_TLS_KEY: .*127.0.0.2.pem is not the key of .*127.0.0.1.pem",
        ),
        ("rubbish.pem", None, "are no certificate and key in PEM"),
        ("127.0.0.1.pem", "sealed.pem", "BROKER_TLS_KEY: .*sealed.pem has a password; give it without one"),
        (None, "127.0.0.1.pem", "BROKER_TLS_KEY is set, and BROKER_TLS_CERT is not"),
    ],
)
async def test_files_that_cannot_be_used_stop_the_start_with_one_sentence(
    make_settings: Make, tmp_path: Path, pem: Path, cert: str | None, key: str | None, said: str
) -> None:
    from cryptography.hazmat.primitives import serialization as form

    certificate(tmp_path, "127.0.0.2")
    (tmp_path / "rubbish.pem").write_text("rubbish")
    opened = form.load_pem_private_key(key_only(pem), None)
    sealed = form.BestAvailableEncryption(b"password")
    (tmp_path / "sealed.pem").write_bytes(
        opened.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, sealed)
    )
    files: dict[str, Any] = {"tls_cert": cert and tmp_path / cert, "tls_key": key and tmp_path / key}
    with pytest.raises(ConfigurationError, match=said) as refused:
        async with serving(make_settings(**files)):
            pass
    assert "\n" not in str(refused.value)


async def test_without_a_certificate_only_plain_http_is_served(running: Running, make_settings: Make) -> None:
    settings = make_settings(tls_host="127.0.0.1", tls_port=free_port())
    async with running(settings):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", settings.tls_port)
