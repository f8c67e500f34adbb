"""What native and Ozeki requests sign in with reaches no log, no metric, no answer and no task."""

import base64
from pathlib import Path

import redis

from tests.contract.test_mxtelecom_secrets import PASSWORD, SENDER, TEXT, TO, WRONG, log, server, shown
from tests.contract.wire_server import Answer, Server

__all__ = ("log", "server")

CANARIES = (PASSWORD, WRONG, TEXT, TO)


def basic(password: str) -> dict[str, str]:
    """Return the header that signs in as acme; of both spellings neither may be seen."""
    return {"Authorization": f"Basic {base64.b64encode(f'acme:{password}'.encode()).decode()}"}


def encoded() -> list[str]:
    """Return the Basic credentials as they go over the wire."""
    return [basic(password)["Authorization"].split()[1] for password in (PASSWORD, WRONG)]


def queries() -> dict[str, tuple[str, int]]:
    """Return Ozeki's requests by what is the matter with each, and the status of its answer."""
    login = f"username=acme&password={PASSWORD}"
    send = f"action=sendmessage&recipient=%2B{TO}&originator=%2B{SENDER[1:]}&messagedata={TEXT}"
    return {
        "taken": (f"/api?{send}&{login}", 200),
        "taken as HTML": (f"/api?{send}&{login}&responseformat=html", 200),
        "guessed": (f"/api?{send}&username=acme&password={WRONG}", 200),
        "guessed as JSON": (f"/api?{send}&username=acme&password={WRONG}&responseformat=json", 200),
        "of a user that is none": (f"/api?{send}&username={WRONG}&password={WRONG}", 200),
        "with an action that is none": (f"/api?action=listusers&{login}&messagedata={TEXT}", 200),
        "with an action twice": (f"/api?action=rest?action=sendmsg&{login}", 400),
        "with a charset that is none": (f"/api?{send}&{login}&_charset_=klingon", 200),
        "with a password that is no text": (f"/api?{send}&username=acme&password=%ff%00{PASSWORD}", 200),
        "with too many names": (f"/api?{send}&{login}&" + "&".join(f"x{n}=" for n in range(600)), 200),
        "that asks for credit": (f"/api?action=getcredits&{login}", 200),
        "to a path that is none": (f"/apis?{send}&{login}", 404),
        "to the native API": (f"/v1/messages?{send}&{login}", 401),
        "too long to be read": (f"/api?{send}&{login}&x={TEXT * 6000}", 200),
    }


def everything(server: Server) -> dict[str, Answer]:
    """Ask in every way, and check the status of each answer."""
    answers = {}
    for what, (target, _) in queries().items():
        answers[what] = server.ask("GET", target)
    body = f'{{"to": "+{TO}", "text": "{TEXT}"}}'.encode()
    kind = {"Content-Type": "application/json"}
    answers["native"] = server.ask("POST", "/v1/messages", body, {**kind, **basic(PASSWORD)})
    answers["native, guessed"] = server.ask("POST", "/v1/messages", body, {**kind, **basic(WRONG)})
    answers["native, cut off"] = server.ask("POST", "/v1/messages", body[:-3], {**kind, **basic(PASSWORD)})
    answers["native, a list"] = server.ask("GET", f"/v1/messages?password={PASSWORD}", b"", basic(PASSWORD))
    answers["native, bills"] = server.ask("GET", f"/v1/billing?since={PASSWORD}", b"", basic(PASSWORD))
    answers["native, nothing"] = server.ask("GET", f"/v1/{PASSWORD}?text={TEXT}", b"", basic(WRONG))
    return answers


def test_nothing_that_signs_in_is_seen_anywhere(server: Server, log: Path) -> None:
    answers = everything(server)
    expected = {what: status for what, (_, status) in queries().items()}
    native = {"native": 202, "native, guessed": 401, "native, cut off": 400, "native, a list": 400}
    native |= {"native, bills": 400, "native, nothing": 404}
    assert {what: answer.status for what, answer in answers.items()} == {**expected, **native}
    metrics = server.ask("GET", "/metrics")
    assert b"broker_passwords_total" in metrics.body, "passwords are counted"
    assert b"acme" not in metrics.body, "but not by account"
    lines = log.read_text()
    assert "ingress_started" in lines, "something is logged"
    with redis.Redis.from_url(server.settings.redis_url) as client:
        rings = b"".join(client.lrange("submit", 0, -1)).decode("latin-1")
        names = b" ".join(client.keys("*")).decode("latin-1")
    assert rings, "a ring waits"
    seen = {"log": lines, "metrics": shown(metrics), "rings": rings, "names of keys": names}
    # Ozeki's answers name the recipient, as the sheet wants it.
    seen |= {f"answer {what}": shown(answer).replace(TO, "") for what, answer in answers.items()}
    canaries = (*CANARIES, *encoded())
    assert [(canary, place) for place, text in seen.items() for canary in canaries if canary in text] == []


def test_an_answer_to_a_get_is_kept_by_no_cache(server: Server) -> None:
    answers = everything(server)
    asked = [what for what in answers if not what.startswith("native") or what in ("native, a list",)]
    kept = {what: answers[what].headers.get("cache-control", "") for what in asked}
    assert {what: value for what, value in kept.items() if "no-store" not in value} == {}
