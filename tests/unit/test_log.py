"""Log lines tell outcomes, never content."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from broker import log
from broker.domain.message import PartState
from broker.domain.status import Status

NUMBER = "+12025550101"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put logging back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in log.QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


class Lines:
    """Stands in for standard error."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def text(self) -> str:
        """Return what was logged, as it is."""
        return self.stream.getvalue()

    def read(self) -> list[dict[str, object]]:
        """Return the lines of JSON that were logged."""
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What is logged as JSON."""
    lines = Lines()
    monkeypatch.setattr("sys.stderr", lines.stream)
    log.configure(level="INFO", form="json", process="tester")
    return lines


def test_a_line_is_json_with_its_time_level_and_process(lines: Lines) -> None:
    log.get_logger().info("message_submitted", provider="bandwidth", attempt=2)
    (line,) = lines.read()
    assert line.pop("at")
    assert line == {
        "event": "message_submitted",
        "provider": "bandwidth",
        "attempt": 2,
        "level": "info",
        "process": "tester",
    }


def test_a_logger_made_before_the_configuration_follows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    early = log.get_logger()
    log.configure(level="WARNING", form="json")
    early.info("quiet")
    early.warning("loud")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "loud"


@pytest.mark.parametrize("name", sorted(log.HIDDEN))
def test_a_field_that_may_hold_content_or_a_secret_is_never_shown(lines: Lines, name: str) -> None:
    log.get_logger().info("seen", **{name: "planted"}, more={name: ["planted"]})
    assert "planted" not in lines.text()


@pytest.mark.parametrize("name", sorted(log.NUMBERS))
def test_an_address_is_shown_in_part(lines: Lines, name: str) -> None:
    log.get_logger().info("seen", **{name: NUMBER})
    (line,) = lines.read()
    assert line[name] == "+1202***0101"


@pytest.mark.parametrize(
    "planted",
    [
        f"calling {NUMBER} failed",
        f"to={NUMBER[1:]}&x=1",
        "Authorization: Basic c2VjcmV0OnNlY3JldA==",
        "bearer abcdef0123456789",
        "GET /api?password=hunter2secret&x=1",
        "GET /SMSSend?user=acme&pass=hunter2secret&x=1",
        "GET /SMSSend?smsmsg=hunter2secret&smsia5=hunter2secret&smsucs2=hunter2secret&note=hunter2secret",
        "cannot sign in with password=a;hunter2secret",
        "cannot sign in with password=a, hunter2secret&hunter2secret",
        """{"user": "acme", "password": "a;b \\"hunter2secret, c", "to": 1}""",
        "{'user': 'acme', 'pass': 'a & hunter2secret'}",
        '{\\"password\\": \\"a hunter2secret\\"}',
        "text=Hello, hunter2secret",
        "postgresql://broker:hunter2secret@db/broker",
        "[SQL: INSERT] [parameters: {'text': 'hunter2secret'}]",
        "text Input should be valid [type=string_type, input_value='hunter2secret', input_type=int]",
    ],
)
def test_what_libraries_put_into_their_sentences_is_taken_out(lines: Lines, planted: str) -> None:
    logging.getLogger("some.library").error("trouble: %s", planted)
    try:
        raise RuntimeError(planted)
    except RuntimeError:
        log.get_logger().exception("broke")
    said = lines.text()
    for secret in ("2025550101", "c2VjcmV0", "abcdef0123456789", "hunter2secret"):
        assert secret not in said


def test_what_follows_a_secret_in_quotes_stays() -> None:
    said = """{'password': 'a;b', 'tries': 3} and {"pass": "a'b", "tries": 4}\npass=x y\nin line 7"""
    assert (
        log.scrub(said)
        == """{'password': ***, 'tries': 3} and {"pass": ***, "tries": 4}\npass=***\nin line 7"""
    )


def test_ids_times_and_counts_stay_whole(lines: Lines) -> None:
    fields = {"id": "01a2001c-12a5-7f4a-8b58-e35656f9fabb", "at_ms": 1795298108123, "count": 12025550101}
    log.get_logger().info("seen", **fields, digest="0f" * 32)
    (line,) = lines.read()
    assert {name: line[name] for name in fields} == fields
    assert line["digest"] == "0f" * 32


def test_libraries_speak_json_too_and_paths_of_requests_are_not_logged(lines: Lines) -> None:
    logging.getLogger("celery.worker").warning("connection lost, %d tries", 3)
    logging.getLogger("aiohttp.access").info('"GET /api?messagedata=hello"')
    (line,) = lines.read()
    assert (line["event"], line["logger"], line["level"]) == (
        "connection lost, 3 tries",
        "celery.worker",
        "warning",
    )


def test_people_get_words(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="INFO", form="console")
    log.get_logger().info("message_submitted", to=NUMBER)
    said = capsys.readouterr().err
    assert "message_submitted" in said
    assert "+1202***0101" in said


def test_a_key_that_is_a_word_of_ours_does_not_cost_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="INFO", form="json")
    log.get_logger().info("media_fetched", **{PartState.STORED: 2})
    assert json.loads(capsys.readouterr().err)["stored"] == 2


def test_each_outcome_of_a_batch_has_a_line_of_its_own_like_any_other(lines: Lines) -> None:
    log.each("attempt_ended", ({"message_id": name, "status": Status.FAILED} for name in ("a", "b")))
    log.get_logger().info("attempt_ended", message_id="c", status="failed")
    told = lines.read()
    assert [line.pop("message_id") for line in told] == ["a", "b", "c"]
    assert all(line.pop("at") for line in told)
    same = {"event": "attempt_ended", "status": "failed", "level": "info", "process": "tester"}
    assert told == [same] * 3


def test_a_batch_without_outcomes_writes_nothing(lines: Lines) -> None:
    log.each("attempt_ended", ())
    assert lines.text() == ""


def test_outcomes_are_not_even_made_where_nobody_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    monkeypatch.setattr("sys.stderr", lines.stream)
    log.configure(level="WARNING", form="json")
    outcomes = iter([{"message_id": "a"}])
    log.each("attempt_ended", outcomes)
    assert list(outcomes) == [{"message_id": "a"}]
    assert lines.text() == ""


def test_people_read_outcomes_in_colours_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    monkeypatch.setattr("sys.stderr", lines.stream)
    log.configure(level="INFO", form="console")
    log.each("attempt_ended", [{"message_id": "a"}, {"message_id": "b"}])
    assert [line.split()[-1] for line in lines.text().splitlines()] == ["message_id=a", "message_id=b"]
