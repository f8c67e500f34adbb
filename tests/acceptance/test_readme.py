"""The README says nothing that does not exist."""

import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import typer.main

from broker.cli.main import app
from broker.domain.draft import Draft
from broker.domain.ids import is_id
from broker.domain.media import sniff
from broker.domain.wire import Call
from broker.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
FRONT_DOOR = {"test", "lint"}
"""What `run` does by itself."""
SERVED = re.compile(
    r"/(v1/(messages(/[^/]+)?|media|billing|connections/[^/]+/log)|api|SMSSend|SendMMS|openapi\.json|sim/(inbound|stats|journal|faults|state))"
)
CURL = {"-s": 0, "--header": 1, "--json": 1, "--form": 1, "--data-binary": 1, "--user": 1}
"""The options of curl that the README uses, each with how many words it takes."""


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str


def _blocks() -> list[Block]:
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)]


BLOCKS = _blocks()


def _commands() -> Iterator[list[str]]:
    """Every command of every shell block, as words; what the shell would put in is left as it is written."""
    for block in BLOCKS:
        if block.language == "sh":
            plain = re.sub(r"\s#.*", "", block.text.replace("\\\n", " "))
            lexer = shlex.shlex(plain, posix=True, punctuation_chars=";\n")
            lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
            words: list[str] = []
            for word in (*lexer, "\n"):
                if set(word) <= {";", "\n"}:
                    if words:
                        yield words
                    words = []
                else:
                    words.append(word)


COMMANDS = list(_commands())


def _of(program: str) -> list[list[str]]:
    return [words[1:] for words in COMMANDS if words[0] == program]


@dataclass(frozen=True)
class Curl:
    """One request that the README shows."""

    netloc: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: str


def _curl(words: list[str]) -> Curl:
    urls: list[str] = []
    body = ""
    rest = iter(words)
    for word in rest:
        if word in CURL:
            values = [next(rest) for _ in range(CURL[word])]
            body = values[0] if word == "--json" else body
        else:
            urls.append(word)
    (url,) = urls
    found = urlsplit(url.replace("$API", "http://127.0.0.1:8080"))
    return Curl(found.netloc, found.path, tuple(parse_qsl(found.query)), body)


CURLS = [_curl(words) for words in _of("curl")]


def test_every_command_is_one_that_is_checked_here() -> None:
    assert {words[0] for words in COMMANDS} == {"./run", "curl", "export"}
    assert os.access(ROOT / "run", os.X_OK)


@pytest.mark.parametrize("words", _of("./run"), ids=" ".join)
def test_run_knows_the_command_and_its_options(words: list[str]) -> None:
    name, *rest = words
    if name in FRONT_DOOR:
        assert rest in ([], ["-m", "flaky_prone", "--repeat", "20"])
        return
    known: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})
    assert name in known, f"there is no ./run {name}"
    with known[name].make_context(name, rest):  # raises what the command line would say
        pass


@pytest.mark.parametrize("curl", CURLS, ids=lambda curl: f"{curl.path} {curl.body}"[:80])
def test_curl_asks_for_what_is_served(curl: Curl) -> None:
    assert curl.netloc in {"127.0.0.1:8080", "127.0.0.1:9100"}
    assert SERVED.fullmatch(curl.path)


@pytest.mark.parametrize(
    "curl", [curl for curl in CURLS if curl.path == "/v1/messages" and curl.body], ids=str
)
def test_the_native_api_takes_the_requests_that_are_shown(curl: Curl) -> None:
    from broker.dialects.native.dialect import NativeDialect

    (draft,) = NativeDialect().parse(Call(method="POST", path=curl.path, body=curl.body.encode()))

    assert isinstance(draft, Draft)
    assert draft.text or draft.media


@pytest.mark.parametrize("curl", [curl for curl in CURLS if curl.path == "/api"], ids=str)
def test_the_ozeki_api_takes_the_requests_that_are_shown(curl: Curl) -> None:
    from broker.dialects.ozeki.dialect import OzekiDialect

    headers = {"content-type": "application/json"} if curl.body else {}
    method = "POST" if curl.body else "GET"
    call = Call(method=method, path=curl.path, query=curl.query, headers=headers, body=curl.body.encode())
    (draft,) = OzekiDialect().parse(call)

    assert isinstance(draft, Draft)
    assert draft.text


@pytest.mark.parametrize(
    "curl", [curl for curl in CURLS if curl.path in ("/SMSSend", "/SendMMS") and curl.query], ids=str
)
def test_the_mx_telecom_api_takes_the_requests_that_are_shown(curl: Curl) -> None:
    from broker.dialects.mxtelecom.dialect import MxTelecomDialect

    call = Call(method="GET", path=curl.path, query=curl.query)
    (draft,) = MxTelecomDialect().parse(call)

    assert isinstance(draft, Draft)
    assert draft.text or draft.package_url


@pytest.mark.parametrize("curl", [curl for curl in CURLS if curl.path == "/sim/inbound"], ids=str)
def test_the_simulator_takes_the_message_that_is_shown(curl: Curl) -> None:
    from broker.simulator.inbound import InboundMessage

    message = InboundMessage.model_validate_json(curl.body)

    assert sniff(message.media[0].content()) == message.media[0].content_type


def test_the_answers_to_sends_are_those_that_the_native_api_gives() -> None:
    from broker.dialects.base import Admitted
    from broker.dialects.native.dialect import NativeDialect

    one, several = (
        json.loads(block.text)
        for block in BLOCKS
        if block.language == "json" and '"durability"' in block.text
    )
    for shown, many in ((one, False), (several, True)):
        messages = shown["messages"] if many else [shown]
        admitted = Admitted(
            draft=Draft(recipients=(), several=many),
            ids=tuple(message["id"] for message in messages),
            batch=shown["batch"] if many else None,
            recipients=tuple(message["to"] for message in messages),
            durability="fsync",
        )
        response = NativeDialect().answer(Call(method="POST", path="/v1/messages"), [admitted])
        assert json.loads(response.body) == shown
        assert all(is_id(message["id"]) for message in messages)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language == "json"], ids=lambda block: block.text[:40]
)
def test_every_answer_shown_is_json(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize(
    "block", [block for block in BLOCKS if block.language == "toml"], ids=lambda block: block.text[:40]
)
def test_every_provisioning_file_is_accepted(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(block.text)
    path.chmod(0o600)

    from broker.cli import provision

    assert provision.load(path)["accounts"]


def test_a_provisioning_file_is_shown_whole() -> None:
    shown = [tomllib.loads(block.text) for block in BLOCKS if block.language == "toml"]
    assert any(document.keys() >= {"accounts", "connections", "routes"} for document in shown)


def test_every_variable_is_a_setting() -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", README))

    assert named
    assert named <= {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https:)([^)#]+)", README))))
def test_every_file_linked_to_is_there(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_first_screen_has_the_two_commands_one_request_and_its_answer() -> None:
    assert [block.language for block in BLOCKS[:3]] == ["sh", "sh", "json"]
    assert len([words for words in COMMANDS if words[0] == "./run"]) >= 2
    assert README.index("| Measured") < README.index("## ")
