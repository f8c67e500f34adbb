"""Log lines: JSON for machines, colours for people, content for nobody."""

import logging
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

# fmt: off
HIDDEN = frozenset({
    "api_key", "api_keys", "authorization", "body", "callback_secret", "client_secret", "content", "data",
    "headers", "next_callback_secret", "next_client_secret", "password", "password_hash", "query", "secret",
    "secret_key", "subject", "text", "token", "url", "webhook_password",
})
# fmt: on
"""Fields that are never shown, whoever logs them."""

NUMBERS = frozenset(
    {"from", "from_", "number", "originator", "owner", "recipient", "recipients", "sender", "to"}
)
"""Fields that hold an address, which is shown in part."""

QUIET = {
    "aiohttp.access": logging.CRITICAL,  # its paths hold content: Ozeki's forms send text in the query
    "asyncio": logging.WARNING,
    "celery.app.trace": logging.WARNING,  # a line per ring would cost more than the ring
    "celery.worker.strategy": logging.WARNING,
    "tornado.access": logging.WARNING,
}

_SPELT = (
    (re.compile(r"(?i)\b(basic|bearer)\s+[\w+/=.~-]{6,}"), r"\1 ***"),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), r"\1:***@"),
    # Such values may hold any character, so one that is not in quotes takes the rest of its line along.
    (
        re.compile(
            r"(?i)\b((?:password|passwd|pwd|secret|token|api_?key|pass|text|messagedata|smsmsg|smsia5|smsucs2|note)"
            r"\\*[\"']?\s*[=:]\s*)"
            r"(?:\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[^\s\"'][^\n]*)"
        ),
        r"\1***",
    ),
    # SQLAlchemy and pydantic quote values in the errors they raise.
    (re.compile(r"\[parameters: .*"), "[parameters: ***]"),
    (re.compile(r"input_value=.*?(?=, input_type=|\]|$)"), "input_value=***"),
)


_NUMBER = re.compile(r"(?<![\w.-])(?:\+\d{7,15}|\d{10,15})(?![\w-])")
_MOST_CAUSES = 8
_SHORT_CODE = 7
"""Addresses of up to this many characters are shown whole: they are nobody's private number."""


def scrub(text: str) -> str:
    """Return `text` with secrets, quoted values and the middle of phone numbers taken out."""
    for pattern, instead in _SPELT:
        text = pattern.sub(instead, text)
    return _NUMBER.sub(lambda found: _address(found[0]), text)


def told_without_content(error: BaseException) -> dict[str, object]:
    """Return what to log of an error that may quote a request: its type, its causes', and where it came from."""
    types: list[str] = []
    found: BaseException | None = error
    while found is not None and len(types) < _MOST_CAUSES:
        types.append(type(found).__name__)
        found = found.__cause__ or found.__context__
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": " from ".join(types),
        "where": [
            f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in frames
        ],
    }


def mask(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Take out of a log line what must not be kept."""
    for key, value in line.items():
        line[key] = _masked(key, value)
    return line


def _masked(key: str, value: object) -> object:
    if key in HIDDEN and value is not None:
        return "***"
    if isinstance(value, str):
        return _address(value) if key in NUMBERS else scrub(value)
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_masked(key, item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return scrub(str(value))


def _address(value: str) -> str:
    """Show enough of an address to recognise it by."""
    if len(value) <= _SHORT_CODE:
        return value
    return f"{value[: len(value) * 5 // 12]}***{value[-(len(value) // 3) :]}"


def _json(line: Mapping[str, Any], **_options: object) -> str:
    # Words of ours are keys too, and an enum is no str to orjson: a line must never cost the work that it tells of.
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _shared(process: str) -> list[Processor]:
    def named(
        _logger: WrappedLogger, _method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        if process:
            line.setdefault("process", process)
        return line

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        named,
        structlog.processors.format_exc_info,
        mask,
    ]


def configure(*, level: str, form: str, process: str = "") -> None:
    """Send our lines and those of every library to standard error, as `form` ("json" or "console") says.

    Celery must be kept from setting up logging of its own: connect its `setup_logging` signal to this.
    """
    shared = _shared(process)
    render: Processor
    if form == "json":
        render = structlog.processors.JSONRenderer(serializer=_json)
    else:
        render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    severity = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(severity),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.PositionalArgumentsFormatter(),
                structlog.stdlib.add_logger_name,
                *shared,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(level=severity, handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, severity))
    _straight.stream = sys.stderr if form == "json" else None
    _straight.told = severity <= logging.INFO
    _straight.process = process


class _Straight:
    """Where `each` writes to, as the latest `configure` says; without a stream its lines go the usual way."""

    stream: TextIO | None = None
    told = True
    process = ""


_straight = _Straight()


def each(event: str, outcomes: Iterable[Mapping[str, str | int | None]]) -> None:
    """Log one line for each outcome of a batch, all written at once.

    Only for ids, counts and words of ours: nothing is masked. As JSON they do without the steps that other lines take,
    which would cost as much as the work they tell of.
    """
    stream = _straight.stream
    if not _straight.told:
        return
    if stream is None:
        for one in outcomes:
            get_logger().info(event, **one)
        return
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    ours = {"level": "info", "at": at, "process": _straight.process}
    lines = [_json({"event": event, **one, **ours}) for one in outcomes]
    if lines:
        stream.write("\n".join((*lines, "")))
        stream.flush()


def get_logger() -> FilteringBoundLogger:
    """Return a logger whose lines go where the latest `configure` says."""
    return cast("FilteringBoundLogger", structlog.get_logger())
