"""Say what each setting is, and where that came from; no secret is told."""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import SecretStr

from broker.settings import PREFIX, Settings

_USER = re.compile(r"(?<=://)[^/?#]*@")
_QUERY = re.compile(r"[?#].*")
SECRET, NONE = "set; it is not shown", "not set"


_PACKAGES = ("aiohttp", "celery", "kombu", "redis", "sqlalchemy", "tenacity", "flower")


class Origin(StrEnum):
    """Where a value came from."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    START = "given at start"
    DERIVED = "worked out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A setting as people may see it."""

    name: str
    variable: str
    value: str
    origin: Origin
    description: str


def configuration(settings: Settings, environment: Mapping[str, str]) -> list[Shown]:
    """Return every setting with the value in force: first what is not as it comes, each by its name."""
    worked_out: dict[str, str] = {
        "database_url": settings.database,
        "attachments_dir": str(settings.attachments),
        "outbox_dir": str(settings.outbox),
        "public_url": settings.reached_at,
    }
    shown = []
    for name, field in Settings.model_fields.items():
        value, variable = getattr(settings, name), f"{PREFIX}{name.upper()}"
        if name not in settings.model_fields_set:
            origin = Origin.DERIVED if not value and name in worked_out else Origin.DEFAULT
        elif variable in {known.upper() for known in environment}:
            origin = Origin.ENVIRONMENT
        else:
            origin = Origin.START
        told = worded(value) if value or name not in worked_out else worded(worked_out[name])
        shown.append(
            Shown(
                name=name, variable=variable, value=told, origin=origin, description=field.description or ""
            )
        )
    return sorted(shown, key=lambda one: (one.origin in (Origin.DEFAULT, Origin.DERIVED), one.name))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter most."""
    return {"Python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def worded(value: Any) -> str:
    """Return a value as people may see it: no secret, and of an address no user and no query."""
    if isinstance(value, SecretStr):
        return SECRET if value.get_secret_value() else NONE
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or NONE
    text = str(value)
    return _QUERY.sub("?***", _USER.sub("***@", text)) if "://" in text else text
