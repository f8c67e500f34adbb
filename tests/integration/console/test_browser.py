"""The console in a real browser: both themes, keyboard only, nothing in the browser's log. Pictures are kept."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from broker.ingress.serving import serving
from broker.settings import Settings
from broker.storage.database import Database
from tests.conftest import SECRET_KEY
from tests.integration.console.conftest import PASSWORDS
from tests.integration.console.filling import Filled, fill
from tests.redis_server import RedisServer

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="Debian's chromium and chromium-driver are not here"
    ),
    pytest.mark.timeout(300),
]
PATIENCE_S = 20

UNREADABLE = """
const light = (c) => {
  const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const found = parse(getComputedStyle(at).backgroundColor);
    if (found.length === 3 || (found[3] ?? 1) === 1) return found.slice(0, 3);
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? [0, 0, 0] : [255, 255, 255];
};
const poor = [];
for (const node of document.querySelectorAll("body *")) {
  const words = [...node.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data).join("").trim();
  if (!words || !node.checkVisibility() || node.closest("dialog, option, .hidden, .skip")) continue;
  const [one, other] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (contrast < 4.5) poor.push(`${words.slice(0, 30)}: ${contrast.toFixed(2)}`);
}
return poor;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the console is, and what is in it."""

    url: str
    filled: Filled
    settings: Settings


@pytest.fixture(scope="module")
def place(
    redis_server: RedisServer, provisioned: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A console with a few messages, served from a thread."""
    folder = tmp_path_factory.mktemp("console")
    shutil.copy(provisioned, folder / "broker.db")
    with redis_server.client(15) as client:
        client.flushdb()
    settings = Settings(
        data_dir=folder, redis_url=f"{redis_server.url}/15", secret_key=SecretStr(SECRET_KEY), port=0
    )
    database = Database(settings.database)
    filled = fill(database, settings)
    database.close()
    ready, ports, ends = threading.Event(), [], []

    async def serve() -> None:
        end = asyncio.Event()
        ends.append((asyncio.get_running_loop(), end))
        async with serving(settings) as port:
            ports.append(port)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield Place(url=f"http://127.0.0.1:{ports[0]}", filled=filled, settings=settings)
    loop, end = ends[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(60)


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    """A browser of this test's own."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1360,900"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    one = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    one.set_page_load_timeout(60)
    yield one
    one.quit()


@pytest.fixture
def pictures(pytestconfig: pytest.Config) -> Path:
    """The folder that keeps this run's pictures."""
    cache = pytestconfig.cache
    assert cache is not None
    return cache.mkdir("console-pictures")


def wait(browser: webdriver.Chrome, what: Any) -> Any:
    return WebDriverWait(browser, PATIENCE_S).until(what)


def sign_in(browser: webdriver.Chrome, place: Place, name: str = "ada") -> None:
    """Sign in with the keyboard: the page puts the cursor where it belongs."""
    browser.get(f"{place.url}/console/")
    field = browser.switch_to.active_element
    assert field.get_attribute("name") == "name"
    field.send_keys(name, Keys.TAB)
    browser.switch_to.active_element.send_keys(PASSWORDS[name], Keys.ENTER)
    wait(browser, lambda one: one.title.startswith("Overview"))


def silent(browser: webdriver.Chrome) -> list[str]:
    """Return what the browser complains of."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] != "DEBUG"]


def pages(place: Place) -> dict[str, str]:
    """Return the pages to look at, by the names of their pictures."""
    return {
        "overview": "/console/?window=all",
        "messages": "/console/messages",
        "message": f"/console/messages/{place.filled.delivered}",
        "inbound": f"/console/messages/{place.filled.inbound}",
        "rejected": f"/console/messages/{place.filled.rejected}",
        "connections": "/console/connections",
        "connection": "/console/connections/bandwidth-1",
        "queues": "/console/queues",
        "callbacks": "/console/callbacks",
        "dead-letters": "/console/dead-letters",
        "accounts": "/console/accounts",
        "account": "/console/accounts/acme",
        "missing": "/console/accounts/nobody",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_read_and_the_browser_has_no_complaint(
    browser: webdriver.Chrome, place: Place, pictures: Path, theme: str
) -> None:
    browser.get(f"{place.url}/console/")
    browser.save_screenshot(str(pictures / "sign-in.png"))
    sign_in(browser, place)
    Select(browser.find_element(By.ID, "theme")).select_by_value(theme)
    wait(browser, lambda one: one.find_element(By.TAG_NAME, "html").get_attribute("data-theme") == theme)
    assert silent(browser) == []
    for name, path in pages(place).items():
        browser.get(place.url + path)
        browser.save_screenshot(str(pictures / f"{name}-{theme}.png"))
        assert browser.execute_script(UNREADABLE) == [], name
        overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.execute_script(overflow) <= 0, f"{name} is wider than the window"
        assert len(browser.find_elements(By.TAG_NAME, "h1")) == 1
        complaints = [text for text in silent(browser) if not (name == "missing" and "404" in text)]
        assert complaints == [], name


def test_content_is_shown_after_asking_and_hostile_names_stay_words(
    browser: webdriver.Chrome, place: Place, pictures: Path
) -> None:
    sign_in(browser, place, "connie")
    browser.get(f"{place.url}/console/messages/{place.filled.inbound}")
    browser.find_element(By.CSS_SELECTOR, "form[action$='/reveal'] button").click()
    picture = wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "img.thumb"))
    wait(browser, lambda one: one.execute_script("return arguments[0].complete", picture))
    browser.save_screenshot(str(pictures / "revealed.png"))
    assert browser.execute_script("return arguments[0].naturalWidth", picture) == 192
    assert "<script>alert(1)</script>" in browser.find_element(By.CLASS_NAME, "parts").text
    assert silent(browser) == []


def test_everything_can_be_reached_with_the_keyboard_alone(browser: webdriver.Chrome, place: Place) -> None:
    sign_in(browser, place)

    def press(*keys: str) -> None:
        webdriver.ActionChains(browser).send_keys(*keys).perform()

    press(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to content"
    assert skip.rect["y"] >= 0, "it is seen while it has the focus"
    press(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"
    press("g", "m")
    wait(browser, lambda one: one.title.startswith("Messages"))
    press("j", "j", "k")
    assert browser.switch_to.active_element.get_attribute("data-row") is not None
    press(Keys.ENTER)
    wait(browser, lambda one: one.title.startswith("Message "))
    press("/")
    assert browser.switch_to.active_element.get_attribute("id") == "q"
    press("carrier-ref-1", Keys.ENTER)
    wait(browser, lambda one: one.current_url.endswith(place.filled.delivered))
    press("?")
    assert browser.find_element(By.ID, "keys").is_displayed()
    press(Keys.ESCAPE)
    assert not browser.find_element(By.ID, "keys").is_displayed()
    assert silent(browser) == []


def test_a_narrow_window_shows_everything_below_each_other(
    browser: webdriver.Chrome, place: Place, pictures: Path
) -> None:
    sign_in(browser, place)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True},
    )
    for name, path in pages(place).items():
        browser.get(place.url + path)
        browser.save_screenshot(str(pictures / f"{name}-narrow.png"))
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width <= 390, f"{name} is wider than the window"


def test_the_overview_follows_what_happens_without_being_loaded_again(
    browser: webdriver.Chrome, place: Place
) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/?window=all")
    browser.execute_script("window.same = true")
    tile = (By.CSS_SELECTOR, "a.tile[href^='/console/messages?direction=in'] b")
    wait(browser, lambda one: "on" in one.find_element(By.ID, "live").get_attribute("class").split())
    before = int(browser.find_element(*tile).text)
    database = Database(place.settings.database)
    fill(database, place.settings)
    database.close()
    wait(
        browser,
        lambda one: (
            one.execute_script(f'return document.querySelector("{tile[1]}").textContent') == str(before + 1)
        ),
    )
    assert browser.execute_script("return window.same") is True
    assert silent(browser) == []
