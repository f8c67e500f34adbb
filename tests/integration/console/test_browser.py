"""The console in a real browser: both themes, keyboard only, nothing in the browser's log. Pictures are kept."""

import asyncio
import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
import pytest
from PIL import Image
from pydantic import SecretStr
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from broker.console.visit import THEME_COOKIE
from broker.domain.ids import new_id
from broker.domain.status import Event
from broker.keyspace import keys
from broker.services.outcomes import Fate, Outcome, digest_of
from broker.settings import Settings
from broker.storage import accounts, messages
from broker.storage.database import Database
from broker.storage.messages import Fresh
from tests.conftest import SECRET_KEY
from tests.factories import NOW_MS, make_message
from tests.integration.console.browsing import CHROMIUM, DRIVER, held, looking, served
from tests.integration.console.conftest import PASSWORDS, WITH_PEOPLE
from tests.integration.console.filling import (
    NUMBER,
    Filled,
    fill,
    fill_beside,
    fill_waiting,
    fill_worker,
    picture,
)
from tests.integration.console.handheld import answer_back, fill_phones, send, simulating
from tests.integration.console.pictures import FOLDER, main
from tests.prepared import prepare
from tests.redis_server import RedisServer

pytestmark = [
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER) and "CI" not in os.environ,
        reason="Debian's chromium and chromium-driver are not here; CI has them",
    ),
    pytest.mark.timeout(300),
]
PATIENCE_S = 20
AXE = "axe-core@4.14.1"
"""What npm is asked for."""

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
    webhook: str
    settings: Settings
    once: str = ""


@pytest.fixture(scope="module")
def place(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A console with a few messages, and a simulator with phones, served from threads."""
    folder = tmp_path_factory.mktemp("console")
    with redis_server.client(15) as client:
        client.flushdb()
    with held(simulating) as simulator:
        asyncio.run(fill_phones(simulator))
        settings = Settings(
            data_dir=folder,
            redis_url=f"{redis_server.url}/15",
            secret_key=SecretStr(SECRET_KEY),
            port=0,
            simulator_url=simulator,
        )
        prepare(settings, WITH_PEOPLE)
        database = Database(settings.database)
        filled, webhook = fill(database, settings), fill_beside(database)
        database.close()
        once = keep_outcome(redis_server, filled)
        fill_worker(settings, silent_ms=-3_600_000)  # it lives for as long as these tests
        with served(settings) as url:
            yield Place(url=url, filled=filled, webhook=webhook, settings=settings, once=once)


def keep_outcome(redis_server: RedisServer, filled: Filled) -> str:
    """Have a form about several messages been gone through; return its number."""
    once = new_id()
    fates = (
        Fate(id=filled.rejected, sent=new_id()),
        Fate(id=filled.inbound, refused="it arrived"),
        Fate(id=filled.delivered, doubt="nobody answered"),
    )
    with redis_server.client(15) as client:
        outcome = msgspec.json.encode(Outcome(fates=fates, form={"once": once}))
        client.set(keys.outcome(digest_of("ada", "resend", once)), outcome)
    return once


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    """A browser of this test's own."""
    with looking() as one:
        yield one


@pytest.fixture
def pictures(pytestconfig: pytest.Config) -> Path:
    """The folder that keeps this run's pictures."""
    cache = pytestconfig.cache
    assert cache is not None
    return cache.mkdir("console-pictures")


def wait(browser: webdriver.Chrome, what: Any) -> Any:
    """Wait until something is so; an element that a page has taken along meanwhile is looked for again."""
    gone = [StaleElementReferenceException]
    return WebDriverWait(browser, PATIENCE_S, ignored_exceptions=gone).until(what)


def sign_in(browser: webdriver.Chrome, place: Place, name: str = "ada") -> None:
    """Sign in with the keyboard: the page puts the cursor where it belongs."""
    browser.get(f"{place.url}/console/")
    wait(browser, lambda one: one.switch_to.active_element.get_attribute("name") == "name")
    browser.switch_to.active_element.send_keys(name, Keys.TAB)
    browser.switch_to.active_element.send_keys(PASSWORDS[name], Keys.ENTER)
    wait(browser, lambda one: one.title.startswith("Overview"))


def silent(browser: webdriver.Chrome) -> list[str]:
    """Return what the browser complains of."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] != "DEBUG"]


def pages(place: Place) -> dict[str, str]:
    """Return the pages to look at, by the names of their pictures."""
    return {
        "overview": "/console/?window=all",
        "alerts": "/console/alerts",
        "messages": "/console/messages",
        "message": f"/console/messages/{place.filled.delivered}",
        "chosen": "/console/messages/chosen?"
        + "&".join(
            f"id={one}" for one in (place.filled.delivered, place.filled.rejected, place.filled.inbound)
        ),
        "chosen-done": f"/console/messages/chosen/resend/{place.once}",
        "inbound": f"/console/messages/{place.filled.inbound}",
        "rejected": f"/console/messages/{place.filled.rejected}",
        "send": "/console/send",
        "connections": "/console/connections",
        "connection": "/console/connections/bandwidth-1",
        **{
            f"connection-{section}": f"/console/connections/bandwidth-1/{section}"
            for section in ("health", "errors", "routes", "webhook-urls", "config", "audit")
        },
        "queues": "/console/queues",
        "queue": "/console/queues/submit?connection=bandwidth-1",
        "callbacks": "/console/callbacks",
        "callbacks-owed": "/console/callbacks?show=owed",
        "callbacks-again": "/console/callbacks/again",
        "dead-letters": "/console/dead-letters",
        "dead-cause": "/console/dead-letters?kind=webhook&error=ValueError&connection=bandwidth-1",
        "accounts": "/console/accounts",
        "account": "/console/accounts/acme",
        "attachments": "/console/attachments",
        "attachment": f"/console/attachments/{place.filled.inbound}/1",
        "webhooks": "/console/webhooks?connection=bandwidth-1",
        "webhook": f"/console/webhooks/{place.webhook}",
        "webhooks-again": "/console/webhooks/again?since=2026-01-01T00:00&until=2036-01-01T00:00",
        "parked": "/console/webhooks/parked",
        "opt-outs": "/console/opt-outs",
        "opt-out-changes": "/console/opt-outs?changes=1",
        "errors": "/console/errors",
        "error": "/console/errors/bandwidth/4720",
        "audit": "/console/audit",
        "settings": "/console/settings",
        "handsets": "/console/handsets",
        "handset": f"/console/handsets/{quote(NUMBER)}",
        "missing": "/console/accounts/nobody",
    }


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config) -> str:
    """The script of axe-core, from npm: no third-party file is in the repository."""
    cache = pytestconfig.cache
    assert cache is not None
    folder = cache.mkdir("axe-core")
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not script.is_file():
            _install_axe(folder)
    return script.read_text()


def _install_axe(folder: Path) -> None:
    """Have npm fetch axe-core. Where there is no npm, or it cannot fetch, there is nothing to test with; CI has it."""
    npm = shutil.which("npm")
    must = bool(os.environ.get("CI"))
    if npm is None:
        assert not must, "CI installs npm"
        pytest.skip("npm is not here, and axe-core comes from it")
    command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", AXE]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        assert not must, done.stderr
        pytest.skip(f"npm cannot fetch {AXE} now: {done.stderr[-200:]}")


def findings(browser: webdriver.Chrome, axe: str) -> list[str]:
    """Return what axe holds to be serious, or worse, on the page as it stands."""
    browser.execute_script(axe)
    found = browser.execute_async_script(
        "const tell = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']})"
        ".then((found) => tell(found.violations), (error) => tell(String(error)));"
    )
    assert isinstance(found, list), found
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_has_no_serious_finding_on_any_page(
    browser: webdriver.Chrome, place: Place, axe: str, theme: str
) -> None:
    browser.set_script_timeout(60)
    browser.get(f"{place.url}/console/")
    assert findings(browser, axe) == [], "sign-in"
    sign_in(browser, place)
    Select(browser.find_element(By.ID, "theme")).select_by_value(theme)
    wait(browser, lambda one: one.find_element(By.TAG_NAME, "html").get_attribute("data-theme") == theme)
    poor = {}
    for name, path in pages(place).items():
        browser.get(place.url + path)
        poor[name] = findings(browser, axe)
        for button in ("form[action$='/reveal'] button", "form[action$='/look'] button"):
            for one in browser.find_elements(By.CSS_SELECTOR, button)[:1]:
                one.click()
                wait(browser, lambda now: now.find_element(By.TAG_NAME, "h1"))
                poor[f"{name} revealed"] = findings(browser, axe)
    browser.execute_script("document.getElementById('keys').showModal()")
    poor["keys"] = findings(browser, axe)
    assert {name: found for name, found in poor.items() if found} == {}
    assert len(poor) > len(pages(place)) + 4, "what is shown on request was looked at too"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_has_no_serious_finding_where_something_was_done_or_refused(
    browser: webdriver.Chrome, place: Place, axe: str, pictures: Path, theme: str
) -> None:
    browser.set_script_timeout(60)
    poor: dict[str, list[str]] = {}

    def look(name: str, heading: str) -> None:
        wait(browser, lambda one: heading in one.find_element(By.TAG_NAME, "main").text)
        browser.save_screenshot(str(pictures / f"{name}-{theme}.png"))
        poor[name] = findings(browser, axe) + browser.execute_script(UNREADABLE)

    def submit(form: str) -> None:
        browser.execute_script(f'document.querySelector("{form}").noValidate = true')
        browser.find_element(By.CSS_SELECTOR, f"{form} button.main").click()

    browser.get(f"{place.url}/console/")
    browser.add_cookie({"name": THEME_COOKIE, "value": theme, "path": "/console/"})
    browser.get(f"{place.url}/console/")
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("data-theme") == theme
    look("sign-in", "ringpost")
    submit("form.door")
    look("sign-in-wrong", "✕")
    sign_in(browser, place, "oscar")
    for name, path, heading in (
        ("refused-403", f"/console/handsets/{quote(NUMBER)}/pictures/got/2/0", "Not allowed"),
        ("refused-422", "/console/messages?status=odd", "That cannot be used"),
    ):
        browser.get(place.url + path)
        look(name, heading)
    database = Database(place.settings.database)
    waiting = fill_waiting(database, due_ms=NOW_MS + 10**9)
    database.close()
    browser.get(f"{place.url}/console/messages/chosen?id={waiting}&id={place.filled.delivered}")
    browser.execute_script("for (const one of document.querySelectorAll('details.card')) one.open = true")
    browser.find_element(By.CSS_SELECTOR, "form[action$='/retry'] [name=reason]").send_keys("r", Keys.ENTER)
    look("chosen-done", "1 is to be tried now")
    browser.get(f"{place.url}/console/send")
    submit("form[data-check]")
    wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "[aria-invalid]"))
    look("send-faults", "Send")
    with served(place.settings.model_copy(update={"simulator_url": "http://127.0.0.1:9"})) as url:
        browser.get(f"{url}/console/handsets")
        look("refused-503", "Not now")
    assert {name: found for name, found in poor.items() if found} == {}
    assert len(poor) == 7


def test_axe_finds_what_is_wrong(browser: webdriver.Chrome, place: Place, axe: str) -> None:
    browser.set_script_timeout(60)
    sign_in(browser, place)
    browser.execute_script(
        "document.querySelector('label[for=q]').remove();"
        "document.getElementById('q').removeAttribute('placeholder')"
    )
    assert [one.partition(":")[0] for one in findings(browser, axe)] == ["label"]


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
    press("r")
    assert browser.switch_to.active_element.get_attribute("id") == "again-reason"
    assert "its recipient gets it twice" in browser.find_element(By.CSS_SELECTOR, "[data-again]").text
    press(Keys.ESCAPE, "g", "b")
    wait(browser, lambda one: one.current_url.endswith("/console/messages?direction=in"))
    assert browser.find_element(By.CSS_SELECTOR, "nav a[aria-current]").text == "Inbound"
    press("?")
    assert browser.find_element(By.ID, "keys").is_displayed()
    press(Keys.ESCAPE)
    assert not browser.find_element(By.ID, "keys").is_displayed()
    assert silent(browser) == []


def test_keys_that_were_switched_off_are_switched_on_again_by_tab(
    browser: webdriver.Chrome, place: Place
) -> None:
    sign_in(browser, place)
    dialog, keys = browser.find_element(By.ID, "keys"), webdriver.ActionChains(browser)

    def tab_to(one: str) -> None:
        for _ in range(80):
            keys.send_keys(Keys.TAB).perform()
            if browser.switch_to.active_element.get_attribute("id") == one:
                return
        pytest.fail(f"Tab does not lead to {one}")

    def turn() -> None:
        tab_to("keys-open")
        keys.send_keys(Keys.ENTER).perform()
        assert dialog.is_displayed()
        tab_to("keys-off")
        keys.send_keys(Keys.SPACE, Keys.ESCAPE).perform()
        assert not dialog.is_displayed()

    turn()
    keys.send_keys("?", "g", "m", "/").perform()
    assert not dialog.is_displayed()
    assert browser.switch_to.active_element.get_attribute("id") == "keys-open"
    assert browser.title.startswith("Overview")
    turn()
    keys.send_keys("?").perform()
    assert dialog.is_displayed()
    assert silent(browser) == []


def test_rows_are_chosen_and_handled_with_the_keyboard(browser: webdriver.Chrome, place: Place) -> None:
    database = Database(place.settings.database)
    waiting = fill_waiting(database, due_ms=NOW_MS + 10**9)
    database.close()
    sign_in(browser, place, "oscar")
    browser.get(f"{place.url}/console/messages")

    def press(*keys: str) -> None:
        webdriver.ActionChains(browser).send_keys(*keys).perform()

    def told() -> str:
        return str(browser.find_element(By.CSS_SELECTOR, "[data-chosen]").text)

    press("j")
    assert waiting in browser.switch_to.active_element.get_attribute("href")
    press("x")
    assert told() == "1 chosen"
    press("x")
    assert told() == ""
    press("j", "x", "k", "x", "r")
    dialog = wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "dialog#chosen[open] h2")).text
    assert dialog == "2 messages are chosen"
    press("x", "j", "g", "m")
    assert told() == "2 chosen", "keys of the page rest while a dialog is open"
    press(Keys.ESCAPE)
    assert not browser.find_element(By.ID, "chosen").is_displayed()
    all_of_it = browser.find_element(By.CSS_SELECTOR, "[data-all]")
    all_of_it.click()
    assert int(told().split()[0]) == len(browser.find_elements(By.CSS_SELECTOR, "input[form=choose]"))
    all_of_it.click()
    press("k", "k", "k", "r")
    retry = wait(
        browser,
        lambda one: one.find_element(By.CSS_SELECTOR, "#chosen[open] form[action$='/retry'] [name=reason]"),
    )
    browser.execute_script("arguments[0].closest('details').open = true", retry)
    retry.send_keys("the carrier is back", Keys.ENTER)
    done = wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, ".alert.good"))
    assert "1 is to be tried now" in done.text
    assert waiting in browser.find_element(By.CSS_SELECTOR, "tbody a").get_attribute("href")
    assert silent(browser) == []


def test_what_a_dialog_cannot_show_is_said_or_is_a_page(browser: webdriver.Chrome, place: Place) -> None:
    sign_in(browser, place, "oscar")

    def ask(change: str) -> None:
        browser.get(f"{place.url}/console/messages")
        browser.execute_script(change)
        browser.find_element(By.CSS_SELECTOR, "#choose button").click()

    ask("")
    told = browser.find_element(By.CSS_SELECTOR, "[data-chosen][role=status]")
    wait(browser, lambda _: told.text == "Choose rows first.")
    choose = "document.querySelector('input[form=choose]').click();"
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*piece=1*"]})
    ask(choose)
    wait(browser, lambda one: one.title.startswith("Chosen"))
    assert "1 message is chosen" in browser.find_element(By.ID, "main").text
    browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    ask(choose + "document.querySelector('input[form=choose]').value = 'x'")
    wait(browser, lambda one: one.title.startswith("422"))
    assert "is not a message" in browser.find_element(By.ID, "main").text


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
    text = f'return document.querySelector("{tile[1]}").textContent'
    before = int(browser.execute_script(text))  # at once: the piece may be replaced at any moment
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


def test_the_overview_stands_still_when_somebody_wants_it_to(browser: webdriver.Chrome, place: Place) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/?window=all")
    live = browser.find_element(By.ID, "live")
    wait(browser, lambda _: "on" in live.get_attribute("class").split())
    webdriver.ActionChains(browser).send_keys("l").perform()
    assert (live.text, live.get_attribute("aria-pressed")) == ("standing still", "false")
    tile = "a.tile[href^='/console/messages?direction=in'] b"
    before = browser.find_element(By.CSS_SELECTOR, tile).text
    database = Database(place.settings.database)
    fill(database, place.settings)
    database.close()
    wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "button.news"))
    assert browser.find_element(By.CSS_SELECTOR, tile).text == before
    # What came before may be news as well, so there may be more than one bar after another.
    text = f"""document.querySelector("button.news")?.click(); return document.querySelector("{tile}").textContent"""
    wait(browser, lambda one: one.execute_script(text) == str(int(before) + 1))
    assert silent(browser) == []


def test_what_is_said_with_a_phone_appears_under_nobodys_hands(
    browser: webdriver.Chrome, place: Place
) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/handsets/{quote(NUMBER)}")
    live = browser.find_element(By.ID, "live")
    wait(browser, lambda _: "on" in live.get_attribute("class").split())
    text = browser.find_element(By.ID, "text")
    text.send_keys("half a sen")
    before = text.rect
    for number in range(20):
        asyncio.run(send(str(place.settings.simulator_url), text=f"line {number} of twenty"))
    said = "return document.querySelector('.talk').innerText"
    wait(browser, lambda one: "line 19 of twenty" in one.execute_script(said))
    assert text.rect == before
    assert browser.switch_to.active_element == text
    text.send_keys("tence")
    assert text.get_attribute("value") == "half a sentence"
    assert browser.execute_script("return document.querySelector('.talk').scrollTop") == 0, (
        "it shows the newest"
    )
    # Who reads what was said before is not led away from it.
    browser.execute_script("document.querySelector('.talk').scrollTop = -200")
    asyncio.run(answer_back(str(place.settings.simulator_url), text="the last word"))
    wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "button.news"))
    assert "the last word" not in browser.execute_script(said)
    assert silent(browser) == []


ROWS = "[...document.querySelectorAll('tbody a[data-row]')].map((one) => one.title)"
AWAY = "document.activeElement.blur()"


def arrive(place: Place) -> Filled:
    """Have three messages more."""
    database = Database(place.settings.database)
    filled = fill(database, place.settings)
    database.close()
    return filled


def test_new_messages_come_in_by_themselves_and_are_said_while_nobody_is_at_the_list(
    browser: webdriver.Chrome, place: Place
) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/messages")
    live = browser.find_element(By.ID, "live")
    wait(browser, lambda _: (live.text, live.get_attribute("aria-pressed")) == ("live", "true"))
    browser.execute_script(f"window.same = true; {AWAY}")
    before = browser.execute_script(f"return {ROWS}")
    filled = arrive(place)
    wait(browser, lambda one: filled.delivered in one.execute_script(f"return {ROWS}"))
    after = browser.execute_script(f"return {ROWS}")
    assert after == sorted({*before, *after}, reverse=True)[:50]
    more = arrive(place)
    wait(browser, lambda one: more.delivered in one.execute_script(f"return {ROWS}"))
    said = browser.find_element(By.CSS_SELECTOR, "[data-said][aria-live=polite]")
    wait(browser, lambda _: said.get_attribute("textContent") == "3 new")
    assert browser.execute_script("return window.same") is True
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-news] button")
    assert silent(browser) == []


def test_new_messages_wait_behind_a_bar_and_what_is_chosen_stays_where_it_is(
    browser: webdriver.Chrome, place: Place
) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/messages")
    wait(browser, lambda one: one.find_element(By.ID, "live").text == "live")
    webdriver.ActionChains(browser).send_keys("j", "j", "x").perform()
    browser.execute_script("window.same = true; window.row = document.activeElement.closest('tr')")
    before = browser.execute_script(f"return {ROWS}")
    arrive(place)
    bar = wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "[data-news] button"))
    wait(browser, lambda _: bar.text == "3 new: show")
    assert browser.execute_script(f"return {ROWS}") == before
    browser.execute_script(
        "document.querySelector('[data-list]').style.marginBottom = '2000px';"
        "row.scrollIntoView(); window.top_ = row.getBoundingClientRect().top; window.y = scrollY"
    )
    browser.execute_script("document.querySelector('[data-news] button').click()")
    wait(browser, lambda one: len(one.execute_script(f"return {ROWS}")) == len(before) + 3)
    assert browser.execute_script(f"return {ROWS}")[3:] == before
    assert browser.execute_script("return row.isConnected && row.querySelector('input').checked")
    assert browser.execute_script("return row.contains(document.activeElement)")
    assert browser.execute_script("return Math.abs(row.getBoundingClientRect().top - top_)") <= 1
    assert browser.execute_script("return scrollY > y && window.same")
    assert browser.find_element(By.CSS_SELECTOR, "[data-chosen]").text == "1 chosen"
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-news] button")
    webdriver.ActionChains(browser).send_keys("k").perform()
    assert browser.execute_script("return row.previousElementSibling.contains(document.activeElement)")
    arrive(place)  # the stream goes on from what is shown now
    wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "[data-news] button").text == "3 new: show")
    assert silent(browser) == []


def test_the_list_stands_still_when_somebody_wants_it_to_and_says_what_it_leaves_out(
    browser: webdriver.Chrome, place: Place
) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/messages?direction=in")
    live = browser.find_element(By.ID, "live")
    wait(browser, lambda _: live.text == "live")
    webdriver.ActionChains(browser).send_keys("l").perform()
    assert (live.text, live.get_attribute("aria-pressed")) == ("standing still", "false")
    before = browser.execute_script(f"return {ROWS}")
    database = Database(place.settings.database)
    for _ in range(51):
        fill(database, place.settings)
    database.close()
    wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "[data-news] button").text == "51 new: show")
    assert browser.execute_script(f"return {ROWS}") == before
    browser.find_element(By.CSS_SELECTOR, "[data-news] button").send_keys(Keys.ENTER)
    wait(browser, lambda one: len(one.execute_script(f"return {ROWS}")) == len(before) + 50)
    assert browser.execute_script(f"return {ROWS}")[50:] == before
    focus = "return document.activeElement.title"
    assert browser.execute_script(focus) == browser.execute_script(f"return {ROWS}[0]"), (
        "it goes where the bar led"
    )
    gap = browser.find_element(By.XPATH, "//td[contains(., 'There are more in between')]/a")
    last = browser.execute_script(f"return {ROWS}[49]")
    assert gap.get_attribute("href").endswith(f"direction=in&cursor={last}")
    gap.click()
    wait(browser, lambda one: "cursor" in one.current_url)
    assert browser.execute_script(f"return {ROWS}[1]") == before[0]
    assert not browser.find_elements(By.ID, "live"), "an older page is not live"
    assert silent(browser) == []


def test_the_overview_is_said_in_a_sentence_now_and_then(browser: webdriver.Chrome, place: Place) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/?window=all")
    said = browser.find_element(By.CSS_SELECTOR, "[data-said][aria-live=polite]")
    assert said.get_attribute("textContent") == "", "nothing has changed"
    browser.execute_script(
        "window.told = []; new MutationObserver(() => told.push([Date.now(), document.querySelector('[data-said]')"
        ".textContent])).observe(document.querySelector('[data-said]'), {childList: true})"
    )
    sentence = r"(\d+) accepted, (\d+) failed, (\d+|no) things? needs? a person"
    counts: list[int] = []
    while len(counts) < 2:
        arrive(place)
        wait(browser, lambda one: len(one.execute_script("return told")) > len(counts))
        found = re.fullmatch(sentence, browser.execute_script("return told.at(-1)[1]"))
        assert found is not None
        counts.append(int(found[1]))
    assert counts[0] < counts[1]
    (first, _), (second, _) = browser.execute_script("return told.slice(0, 2)")
    assert second - first >= 4900, "who listens is not told each change"
    assert silent(browser) == []


def test_pages_say_that_they_are_not_live_and_are_live_again_after_an_outage(
    browser: webdriver.Chrome, data_dir: Path, own_redis: Callable[..., RedisServer]
) -> None:
    server = own_redis()
    settings = Settings(
        data_dir=data_dir, redis_url=f"{server.url}/0", secret_key=SecretStr(SECRET_KEY), port=0
    )
    prepare(settings, WITH_PEOPLE)
    database = Database(settings.database)
    filled = fill(database, settings)
    with served(settings) as url:
        sign_in(browser, Place(url=url, filled=filled, webhook="", settings=settings))
        overview = browser.current_window_handle
        text = "return document.getElementById('live').textContent"
        wait(browser, lambda one: one.execute_script(text) == "live")
        browser.switch_to.new_window("tab")
        browser.get(f"{url}/console/messages")
        live = browser.find_element(By.ID, "live")
        wait(browser, lambda _: live.text == "live")
        server.kill()
        wait(browser, lambda _: live.text == "not live")
        browser.switch_to.window(overview)
        wait(browser, lambda one: one.execute_script(text) == "not live")
        server.start()
        later = WebDriverWait(browser, 3 * PATIENCE_S)  # they ask again after five, ten, twenty seconds
        later.until(lambda one: one.execute_script(text) == "live")
        fill(database, settings)
        tile = (
            "return document.querySelector(\"a.tile[href^='/console/messages?direction=in'] b\").textContent"
        )
        later.until(lambda one: one.execute_script(tile) == "2")
        browser.switch_to.window(browser.window_handles[1])
        later.until(lambda one: len(one.execute_script(f"return {ROWS}")) == 6)
        assert live.text == "live"
    database.close()


def test_a_page_whose_session_has_ended_says_so_leads_to_sign_in_and_asks_no_more(
    browser: webdriver.Chrome, place: Place, axe: str
) -> None:
    browser.set_script_timeout(60)
    sign_in(browser, place)
    pages_open = ("/console/?window=24h", "/console/messages?status=bad")
    for path in pages_open:
        browser.switch_to.new_window("tab")
        browser.get(place.url + path)
        browser.execute_script("window.same = true")
    first, *tabs = browser.window_handles
    browser.switch_to.window(tabs[0])
    wait(
        browser,
        lambda one: one.execute_script("return document.getElementById('live').textContent") == "live",
    )
    browser.switch_to.window(first)
    browser.find_element(By.CSS_SELECTOR, "form[action$='/sign-out'] button").click()
    wait(browser, lambda one: "/console/sign-in" in one.current_url)
    asked = "return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/console/here')).length"
    for tab, path in zip(tabs, pages_open, strict=True):
        browser.switch_to.window(tab)
        told = wait(browser, lambda one: one.find_element(By.ID, "signed-out"))
        assert "You are signed out" in told.text
        assert browser.current_url == place.url + path
        assert browser.execute_script("return window.same") is True, "nothing was loaded by itself"
        assert browser.execute_script(asked) == 1
        assert findings(browser, axe) == []
    told.find_element(By.TAG_NAME, "a").click()
    wait(browser, lambda one: one.switch_to.active_element.get_attribute("name") == "name")
    browser.switch_to.active_element.send_keys("ada", Keys.TAB)
    browser.switch_to.active_element.send_keys(PASSWORDS["ada"], Keys.ENTER)
    wait(browser, lambda one: one.current_url == place.url + pages_open[1])
    assert browser.find_elements(By.ID, "signed-out") == []


def test_what_would_become_of_a_message_is_said_while_it_is_written(
    browser: webdriver.Chrome, place: Place, pictures: Path, tmp_path: Path
) -> None:
    sign_in(browser, place)
    browser.get(f"{place.url}/console/send")
    browser.find_element(By.ID, "account").send_keys("acme")
    browser.find_element(By.ID, "to").send_keys("+12025550133")
    browser.find_element(By.ID, "text").send_keys("It\u2019s ready")

    def says(words: str) -> Any:
        return wait(browser, lambda one: words in one.find_element(By.ID, "plan").text)

    assert says("1 segment: 10 of 70 characters, UCS-2")
    assert says("right single quotation mark")
    assert says("It could be sent so.")
    browser.save_screenshot(str(pictures / "send-planned.png"))
    file = tmp_path / "a.png"
    file.write_bytes(picture())
    browser.find_element(By.XPATH, "//summary[contains(., 'Pictures')]").click()
    browser.find_element(By.ID, "file1").send_keys(str(file))
    assert says("MMS, 1 file")
    browser.find_element(By.XPATH, "//button[. = 'Send']").click()
    wait(browser, lambda one: one.title.startswith("Message "))
    assert "MMS sent" in browser.find_element(By.TAG_NAME, "h1").text
    assert silent(browser) == []


WATCH = """
window.met = new Set();
window.unseen = [];
addEventListener("focusin", (event) => {
  window.met.add(event.target);
  if (event.target.matches(":focus-visible") && getComputedStyle(event.target).outlineStyle === "none")
    window.unseen.push(event.target.outerHTML.slice(0, 80));
});
"""
CONTROLS = """
const every = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
const apart = "dialog, [aria-hidden=true]";
return [...document.querySelectorAll(every)].filter((one) => one.checkVisibility() && !one.closest(apart));
"""
"""What a drawing has is in its table too."""


def test_every_control_of_every_page_is_reached_by_tab_and_seen_when_it_is(
    browser: webdriver.Chrome, place: Place
) -> None:
    sign_in(browser, place)
    for name, path in pages(place).items():
        browser.get(place.url + path)
        browser.execute_script("document.getElementById('live')?.click()")  # nothing is replaced meanwhile
        browser.execute_script(WATCH)
        count = browser.execute_script(f"return (() => {{{CONTROLS}}})().length")
        times = browser.execute_script("return document.querySelectorAll('[type=datetime-local]').length")
        webdriver.ActionChains(browser).send_keys(*[Keys.TAB] * (count + 8 * times + 2)).perform()
        missed = ".filter((one) => !window.met.has(one)).map((one) => one.outerHTML.slice(0, 80))"
        assert browser.execute_script(f"return (() => {{{CONTROLS}}})(){missed}") == [], name
        assert browser.execute_script("return window.unseen") == [], name


def test_an_opt_out_is_added_with_the_keyboard_alone(browser: webdriver.Chrome, place: Place) -> None:
    sign_in(browser, place, "oscar")

    def press(*keys: str) -> None:
        webdriver.ActionChains(browser).send_keys(*keys).perform()

    press("g", "p")
    wait(browser, lambda one: one.title.startswith("Opt-outs"))
    for _ in range(80):
        press(Keys.TAB)
        if browser.switch_to.active_element.get_attribute("id") == "a-recipient":
            break
    press("+12025550188", Keys.TAB, "+12025550150", Keys.TAB, Keys.TAB, "by letter", Keys.ENTER)
    done = wait(browser, lambda one: one.find_element(By.CSS_SELECTOR, "[role=status]"))
    assert "gets nothing more" in done.text
    assert silent(browser) == []


def test_a_worker_is_drained_with_the_keyboard_alone(browser: webdriver.Chrome, place: Place) -> None:
    sign_in(browser, place, "oscar")
    webdriver.ActionChains(browser).send_keys("g", "q").perform()
    wait(browser, lambda one: one.title.startswith("Queues"))

    def change(word: str) -> None:
        summary = browser.find_element(By.XPATH, f"//td/details/summary[starts-with(., '{word}')]")
        browser.execute_script("arguments[0].focus()", summary)
        keys = (Keys.ENTER, Keys.TAB, "a new kernel", Keys.ENTER)
        webdriver.ActionChains(browser).send_keys(*keys).perform()

    change("Drain")
    wait(browser, lambda one: "draining\noscar: a new kernel" in one.find_element(By.ID, "main").text)
    change("Resume")
    wait(browser, lambda one: "a new kernel" not in one.find_element(By.ID, "main").text)
    assert silent(browser) == []


COUNTED = """
window.streams = window.asked = 0;
const [Stream, ask, every] = [EventSource, fetch, setInterval];
window.EventSource = class extends Stream { constructor(...given) { super(...given); window.streams += 1; } };
window.fetch = (...given) => { window.asked += given[0] === "/console/badges"; return ask(...given); };
window.setInterval = (work, ms) => every(work, ms / 30);
Object.defineProperty(document, "hidden", { get: () => window.name === "away" });
"""
"""Counts streams and questions of a page, has its clock go fast, and lets the test say whether somebody sees it."""


@pytest.mark.parametrize(
    ("path", "streams"), [("/console/?window=15m", 1), ("/console/messages", 1), ("/console/accounts", 0)]
)
def test_what_needs_a_person_is_told_beside_the_names_of_pages_as_it_changes(
    browser: webdriver.Chrome, place: Place, path: str, streams: int
) -> None:
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNTED})
    sign_in(browser, place, "oscar")
    browser.get(place.url + path)
    badge = "return document.querySelector('nav a[href=\"/console/connections\"] .badge')?.textContent ?? ''"
    assert browser.execute_script(badge) == ""
    database = Database(place.settings.database)
    try:
        database.write(lambda sql: accounts.pause(sql, "bandwidth-1", now_ms=NOW_MS, reason="x"))
        wait(browser, lambda one: one.execute_script(badge) == "1 needs a person")
    finally:
        database.write(lambda sql: accounts.resume(sql, "bandwidth-1"))
        database.close()
    wait(browser, lambda one: one.execute_script(badge) == "")
    assert browser.execute_script("return window.streams") == streams
    assert bool(browser.execute_script("return window.asked")) is (streams == 0)
    assert silent(browser) == []


def test_a_page_that_nobody_sees_asks_for_nothing(browser: webdriver.Chrome, place: Place) -> None:
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": COUNTED})
    sign_in(browser, place)
    browser.execute_script("window.name = 'away'")
    browser.get(f"{place.url}/console/accounts")
    browser.set_script_timeout(30)
    browser.execute_async_script(
        "const tell = arguments[0]; let left = 4;setInterval(() => { left -= 1; if (!left) tell(); }, 15000)"
    )
    assert browser.execute_script("return window.asked") == 0
    browser.execute_script("window.name = ''")
    wait(browser, lambda one: one.execute_script("return window.asked"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A list of messages two minutes apart, each with a bar of its own."""

    browser: webdriver.Chrome
    address: str
    ids: list[str]

    def bars(self) -> list[Any]:
        """Open the list, and return its bars."""
        self.browser.get(self.address)
        return self.browser.find_elements(By.CSS_SELECTOR, ".bars svg a")

    def hold(self, *places: int) -> webdriver.ActionChains:
        """Press on one bar and move to others."""
        bars = self.bars()
        actions = webdriver.ActionChains(self.browser).move_to_element(bars[places[0]]).click_and_hold()
        for place in places[1:]:
            actions = actions.move_to_element(bars[place])
        return actions

    def listed(self, number: int) -> list[str]:
        """Wait until so many messages are listed, and return them, the oldest first."""
        rows = "return [...document.querySelectorAll('tbody a[data-row]')].map((one) => one.title)"
        wait(self.browser, lambda one: len(one.execute_script(rows)) == number)
        return list(reversed(self.browser.execute_script(rows)))


@pytest.fixture
def stretch(browser: webdriver.Chrome, place: Place) -> Stretch:
    """Nine messages of three days ago, and the list of them."""
    name, began = f"stretch-{new_id()}", datetime.now(UTC) - timedelta(days=3)
    times = [began + timedelta(minutes=2 * n) for n in range(9)]
    made = [
        make_message(id=new_id(round(at.timestamp() * 1000)), created_at=at, account=name) for at in times
    ]
    database = Database(place.settings.database)
    fresh = [Fresh(message=one, event=Event.CLAIM, due_at=NOW_MS) for one in made]
    database.write(lambda sql: messages.add(sql, fresh))
    database.close()
    sign_in(browser, place)
    since, until = (began + timedelta(minutes=n) for n in (-1, 20))
    query = f"account={name}&since={since:%Y-%m-%dT%H:%M:%S}&until={until:%Y-%m-%dT%H:%M:%S}"
    address = f"{place.url}/console/messages?{query}"
    return Stretch(browser=browser, address=address, ids=[one.id for one in made])


@pytest.mark.parametrize(("places", "first", "last"), [((2, 4, 5), 2, 5), ((5, 2), 2, 5), ((6, 0, 8), 6, 8)])
def test_a_stretch_of_time_is_chosen_from_one_bar_to_another(
    browser: webdriver.Chrome, stretch: Stretch, places: tuple[int, ...], first: int, last: int
) -> None:
    href = "return arguments[0].href.baseVal"
    ends = [parse_qs(urlsplit(browser.execute_script(href, one)).query) for one in stretch.bars()]
    assert len(ends) == len(stretch.ids), "each has its own"
    stretch.hold(*places).release().perform()
    assert stretch.listed(last - first + 1) == stretch.ids[first : last + 1]
    query = parse_qs(urlsplit(browser.current_url).query)
    assert query == {**ends[first], "until": ends[last]["until"]}
    assert silent(browser) == []


def test_a_click_on_a_bar_opens_it_and_escape_calls_a_stretch_off(
    browser: webdriver.Chrome, stretch: Stretch
) -> None:
    stretch.hold(3).release().perform()
    assert stretch.listed(1) == [stretch.ids[3]]
    stretch.hold(1, 7).perform()
    assert browser.find_elements(By.CSS_SELECTOR, ".bars .span")
    webdriver.ActionChains(browser).send_keys(Keys.ESCAPE).release().perform()
    assert not browser.find_elements(By.CSS_SELECTOR, ".bars .span")
    assert browser.current_url == stretch.address
    stretch.bars()[4].send_keys(Keys.ENTER)
    assert stretch.listed(1) == [stretch.ids[4]], "a bar is a link"
    assert silent(browser) == []


def test_the_pictures_of_the_readme_are_made_by_a_script(tmp_path: Path) -> None:
    main(tmp_path)
    light, dark = (
        Image.open(tmp_path / f"console-{theme}.png").convert("L").resize((1, 1)).getpixel((0, 0))
        for theme in ("light", "dark")
    )
    assert isinstance(light, int)
    assert isinstance(dark, int)
    assert light > 180
    assert dark < 70
    assert all((FOLDER / f"console-{theme}.png").is_file() for theme in ("light", "dark"))
