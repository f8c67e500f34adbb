"""Look a stack over, and say what to do about what is wrong."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from broker.cli import printing
from broker.cli.folder import Folder
from broker.settings import Settings


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at; `advice` is what to do about it."""

    check: str
    level: Level
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked over: the settings as the stack's processes see them, and its folder."""

    settings: Settings
    folder: Folder
    redis_url: str
    database_url: str
    secret_key: str
    endpoints: Mapping[str, object]


Check = Callable[[Patient], Iterable[Finding]]


def ok(check: str, detail: str) -> Finding:
    """Return good news."""
    return Finding(check=check, level=Level.OK, detail=detail)


def warn(check: str, detail: str, advice: str) -> Finding:
    """Return something that will hurt later."""
    return Finding(check=check, level=Level.WARN, detail=detail, advice=advice)


def fail(check: str, detail: str, advice: str) -> Finding:
    """Return something that must be mended."""
    return Finding(check=check, level=Level.FAIL, detail=detail, advice=advice)


def examine(folder: Folder, settings: Settings) -> Patient:
    """Return what the running stack, else the settings, say."""
    endpoints = folder.read_endpoints()
    secret = folder.path / "secret.key"
    kept = secret.read_text().strip() if secret.exists() else ""
    return Patient(
        settings=settings.model_copy(update={"data_dir": folder.path}),
        folder=folder,
        redis_url=settings.redis_url or str(endpoints.get("redis", "")),
        database_url=settings.database_url or f"sqlite:///{folder.path / 'broker.db'}",
        secret_key=settings.secret_key.get_secret_value() or kept,
        endpoints=endpoints,
    )


def run(folder: Folder, settings: Settings, *, json: bool) -> int:
    """Print every finding, and return 1 where one must be mended."""
    from broker.cli.checks import CHECKS

    patient = examine(folder, settings)
    worst = 0
    for finding in itertools.chain.from_iterable(check(patient) for check in CHECKS):
        worst = max(worst, int(finding.level is Level.FAIL))
        if printing.as_json(json):
            printing.line(asdict(finding))
            continue
        print(f"{finding.level:<5} {finding.check:<14} {finding.detail}")
        if finding.advice:
            print(f"{'':<20} → {finding.advice}")
    return worst
