"""The settings in the console: every one, its value without secrets, and where it came from."""

import re
from html import unescape

import pytest

from broker.services.configuration import NONE, SECRET, Origin, configuration
from broker.settings import PREFIX, Settings
from tests.integration.console.conftest import Console, Opening

LIST = "/console/settings"
_ROW = re.compile(
    r"<tr><th scope=\"row\"><code>(.*?)</code></th><td class=\"cut\"><code>(.*?)</code></td>"
    r"\s*<td class=\"still\"><span[^>]*>(.*?)</span>",
    re.S,
)


async def rows(console: Console) -> dict[str, tuple[str, str]]:
    page = await (await console.person("oscar")).get(LIST)
    assert page.status == 200, page.seen
    return {name: (unescape(value), origin) for name, value, origin in _ROW.findall(page.text)}


async def test_every_setting_is_shown_with_where_it_came_from(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_MX_CONTACT", "Ada & Co")
    monkeypatch.setenv("BROKER_FLOWER_PASSWORD", "flower's secret")
    async with opening(take_size=7) as console:
        found = await rows(console)
        assert set(found) == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
        assert found["BROKER_MX_CONTACT"] == ("Ada & Co", Origin.ENVIRONMENT)
        assert found["BROKER_TAKE_SIZE"] == ("7", Origin.START)
        assert found["BROKER_WINDOW"] == ("512", Origin.DEFAULT)
        assert found["BROKER_DATABASE_URL"] == (console.settings.database, Origin.DERIVED)
        assert found["BROKER_FLOWER_PASSWORD"] == (SECRET, Origin.ENVIRONMENT)
        assert found["BROKER_SECRET_KEY"][0] == SECRET
        page = await (await console.person("ada")).get(LIST)
        for secret in ("flower's secret", console.settings.secret_key.get_secret_value()):
            assert secret not in page.text
            assert secret not in unescape(page.text)
        assert "vera viewer" in page.seen
        for name in ("vera", "connie"):
            assert (await (await console.person(name)).get(LIST)).status == 403


def test_a_password_within_an_address_is_not_shown() -> None:
    settings = Settings(
        redis_url="rediss://user:pa55w0rd@redis.example:6380/0?ssl_cert=x",
        database_url="postgresql+psycopg://broker:pa55w0rd@db.example/broker?password=pa55w0rd",
        egress_allow=("10.0.0.1:80", "10.0.0.2:80"),
    )
    shown = {one.name: one.value for one in configuration(settings, {})}
    assert shown["redis_url"] == "rediss://***@redis.example:6380/0?***"
    assert shown["database_url"] == "postgresql+psycopg://***@db.example/broker?***"
    assert shown["egress_allow"] == "10.0.0.1:80, 10.0.0.2:80"
    assert shown["provision_file"] == shown["secret_key"] == NONE
    assert "pa55w0rd" not in str(shown)
