"""Who gets in to the console, how, and what every answer tells browsers."""

import io
import re
from typing import Any

import pytest

from broker.keyspace.client import open_sync
from broker.storage import provision
from tests.integration.console.conftest import PEOPLE, Console, Opening

PAGE = "/console/"


async def test_whoever_is_not_signed_in_is_led_to_the_page_for_it_and_back(console: Console) -> None:
    one = console.somebody()
    answer = await one.get("/console/?window=15m")
    assert (answer.status, answer.headers["Location"]) == (
        303,
        "/console/sign-in?next=%2Fconsole%2F%3Fwindow%3D15m",
    )
    page = await one.get(answer.headers["Location"])
    assert 'name="next" value="/console/?window=15m"' in page.text
    assert (await one.get("/console")).headers["Location"] == PAGE
    assert (await one.post("/console/sign-out")).headers["Location"] == "/console/sign-in"
    assert (await one.get(PAGE, headers={"Sec-Fetch-Mode": "cors"})).status == 401


async def test_every_role_can_sign_in_and_out(console: Console) -> None:
    for person in PEOPLE:
        one = await console.person(person["name"])
        page = await one.get()
        assert page.status == 200
        assert f"{person['name']} {person['role']}" in page.seen
        assert (await one.post("/console/sign-out")).status == 303
        assert (await one.get()).status == 303


async def test_a_wrong_password_is_refused_in_words_and_leaves_no_session(console: Console) -> None:
    one = console.somebody()
    answer = await one.sign_in("vera", "guessed")
    assert answer.status == 403
    assert "Name or password is wrong." in answer.seen
    assert "guessed" not in answer.text
    assert (await one.get()).status == 303
    assert (await console.somebody().sign_in("nobody", "looks at it")).status == 403
    assert (await console.somebody().sign_in("acme", "correct horse")).status == 403, (
        "a customer is no operator"
    )


async def test_who_guesses_is_told_to_wait(console: Console) -> None:
    one = console.somebody()
    told = [(await one.sign_in("vera", f"guess {number}")).status for number in range(6)]
    assert told[0] == 403
    assert told[-1] == 429


async def test_what_comes_after_signing_in_is_a_page_of_the_console(console: Console) -> None:
    for wanted in (
        "//evil.example/",
        "https://evil.example/",
        "/console/\\evil",
        "/v1/messages",
        "javascript:1",
    ):
        page = await console.somebody().get("/console/sign-in", params={"next": wanted})
        assert 'name="next" value="/console/"' in page.text
        one = console.somebody()
        one.token = re.findall(r'name="token" value="([^"]+)"', (await one.get("/console/sign-in")).text)[0]
        form = {"name": "vera", "password": "looks at it", "next": wanted}
        assert (await one.post("/console/sign-in", form)).headers["Location"] == PAGE


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1:1@[", None],
    ids=["another site", "null", "another port", "unreadable", "none"],
)
async def test_forms_of_other_sites_are_refused(console: Console, origin: str | None) -> None:
    one = await console.person("ada")
    for path in ("/console/sign-out", "/console/theme", "/console/sign-in"):
        answer = await one.post(path, origin=origin)
        assert answer.status == 403
        assert "not sent from a page of this console" in answer.seen
    assert (await one.get()).status == 200, "still signed in"


async def test_forms_without_the_sessions_own_token_are_refused(console: Console) -> None:
    one, other = await console.person("ada"), await console.person("vera")
    for token in ("", other.token, "ü"):
        answer = await one.post("/console/sign-out", {"token": token})
        assert answer.status == 403
    door = console.somebody()
    assert (await door.post("/console/sign-in", {"name": "ada", "password": "does it all"})).status == 403
    assert (await one.get()).status == 200


async def test_forms_that_are_too_large_or_unreadable_are_refused_and_change_nothing(
    console: Console,
) -> None:
    one = await console.person("ada")
    body = io.BytesIO(f"token={one.token}&more={'x' * 1_100_000}".encode())
    large = await one.post("/console/sign-out", body, Content_Type="application/x-www-form-urlencoded")
    assert large.status == 413
    many = {"token": one.token, **{str(number): "x" for number in range(600)}}
    assert (await one.post("/console/sign-out", many)).status in (400, 403)
    assert (await one.post("/console/sign-out", "{}")).status == 403
    assert (await one.get()).status == 200


async def test_behind_a_proxy_the_public_address_counts_too(opening: Opening) -> None:
    async with opening(public_url="https://broker.example") as console:
        one = console.somebody()
        page = await one.get("/console/sign-in")
        cookie = page.headers["Set-Cookie"]
        assert "Secure" in cookie
        token = re.findall(r'name="token" value="([^"]+)"', page.text)[0]
        form = {"name": "vera", "password": "looks at it", "token": token}
        jar = {"Cookie": cookie.split(";")[0]}
        async with one.client.post(
            one.url + "/console/sign-in",
            data=form,
            headers={**jar, "Origin": "https://broker.example"},
            allow_redirects=False,
        ) as answer:
            assert answer.status == 303


async def test_cookies_are_kept_from_scripts_and_other_sites(console: Console) -> None:
    one = console.somebody()
    cookies = [
        (await one.get("/console/sign-in")).headers["Set-Cookie"],
        (await one.sign_in()).headers["Set-Cookie"],
    ]
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/console/" in cookie


async def test_redis_holds_no_secret_that_signs_in(console: Console) -> None:
    one = await console.person("ada")
    (secret,) = [cookie.value for cookie in one.client.cookie_jar if cookie.key == "ringpost-session"]
    with open_sync(console.settings.redis_url, console.settings) as client:
        names: Any = client.keys("session:*")
        assert len(names) == 1
        assert 0 < client.ttl(names[0]) <= 12 * 3600
        kept: Any = client.get(names[0])
        for text in (names[0].decode(), kept.decode()):
            assert secret not in text
            assert "does it all" not in text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"password": "another one"}, 303),
        ({"role": "viewer"}, 200),
    ],
    ids=["password", "role"],
)
async def test_what_is_changed_of_a_person_counts_at_once(
    console: Console, change: dict[str, str], status: int
) -> None:
    one = await console.person("ada")
    document = {"operators": [{**PEOPLE[3], **change}]}
    console.database.write(lambda sql: provision.apply(sql, document, secret_key="k" * 32))
    page = await one.get()
    assert page.status == status
    if status == 200:
        assert "ada viewer" in page.seen


async def test_every_answer_forbids_what_is_not_ours(console: Console) -> None:
    one = await console.person()
    paths = ["/console/", "/console/sign-in", "/console", "/console/assets/nothing.css"]
    asset = re.findall(r'href="(/console/assets/[^"]+\.css)"', (await one.get()).text)[0]
    for path in (*paths, asset):
        answer = await one.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
    for path in paths:
        assert (await one.get(path)).headers["Cache-Control"] == "no-store"


async def test_assets_have_names_that_may_be_kept_for_good(console: Console) -> None:
    one = await console.person()
    page = await one.get()
    found = re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', page.text)
    assert {name.rpartition(".")[2] for name in found} == {"css", "js", "svg"}
    size = len(page.text.encode())
    for path in set(found):
        answer = await one.get(path)
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        size += int(answer.headers["Content-Length"])
        stale = re.sub(r"\.\w{12}\.", ".000000000000.", path)
        assert (await one.get(stale)).status == 404
    assert size < 120_000, "the first load"
    assert (await console.somebody().get(found[0])).status == 200, "also before anybody signs in"


async def test_no_page_has_a_script_or_style_within(console: Console) -> None:
    one = await console.person()
    for path in (PAGE, "/console/sign-in", "/console/nowhere"):
        text = (await one.get(path)).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", text)
        assert all(re.search(r"\ssrc=", tag) for tag in re.findall(r"<script[^>]*>", text))


async def test_the_theme_is_kept_and_only_a_known_one(console: Console) -> None:
    one = await console.person()
    assert "data-theme" not in (await one.get()).text
    answer = await one.post("/console/theme", {"theme": "dark", "back": "/console/?a=b"})
    assert answer.headers["Location"] == "/console/?a=b"
    assert '<html lang="en" data-theme="dark">' in (await one.get()).text
    await one.post("/console/theme", {"theme": '"><script>', "back": "//evil.example"})
    assert "data-theme" not in (await one.get()).text


async def test_while_redis_is_away_the_console_says_so(opening: Opening, own_redis: Any) -> None:
    server = own_redis()
    async with opening(redis_url=f"{server.url}/0") as console:
        one = await console.person()
        server.kill()
        answer = await one.get()
        assert answer.status == 503
        assert "Retry-After" in answer.headers
        assert "Not now" in answer.seen
