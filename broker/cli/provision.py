"""The provisioning file: read it, and refuse what it should not say."""

import difflib
import ipaddress
import tomllib
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from broker.domain import quiet
from broker.domain.optout import wish_of
from broker.errors import ConfigurationError

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]
Secret = Annotated[str, Field(min_length=1, max_length=512)]
Address = Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 &_+-]{1,11})$")]
HostPort = Annotated[str, Field(pattern=r"^[^\s/:@]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Days = Annotated[int, Field(gt=0, le=36500)]


def _network(value: str) -> str:
    ipaddress.ip_network(value, strict=False)
    return value


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError("no such time zone") from None
    return value


def _quiet_hours(value: str) -> str:
    quiet.read(value)
    return value


def _reply(value: str) -> str:
    if wish_of(value) is not None:
        raise ValueError("is a word that would be answered in turn")
    return value


Reply = Annotated[str, Field(min_length=1, max_length=320), AfterValidator(_reply)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


_CHOICES = {
    "inbound_mode": ("mxtelecom", "ozeki"),
    "date_form": ("mxtelecom",),
    "callback_replies": ("ozeki",),
}
"""What only customers of some dialects may choose."""


class Account(_Table):
    """A customer."""

    name: Name
    password: Secret | None = None
    api_keys: list[Secret] = []
    senders: list[Address] = []
    fixed_sender: bool = False
    inbound_numbers: list[Address] = []
    callback_url: Url | None = None
    callback_secret: Secret | None = None
    next_callback_secret: Secret | None = None
    callback_dialect: Literal["native", "ozeki", "mxtelecom"] = "native"
    inbound_mode: Literal["get", "post"] | None = None
    date_form: Literal["uk", "us", "uk2"] | None = None
    callback_replies: bool | None = None
    mms: bool = True
    allowed_ips: list[Annotated[str, AfterValidator(_network)]] | None = None
    daily_limit: Count | None = None
    monthly_limit: Count | None = None
    credit: Count | None = None
    unknown_policy: Literal["resend", "stop"] = "resend"
    opt_outs: Literal["broker", "customer"] = "broker"
    stop_answer: Reply | None = None
    start_answer: Reply | None = None
    help_answer: Reply | None = None
    keep_text_days: Days | None = None
    keep_media_days: Days | None = None
    keep_events_days: Days | None = None
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    quiet_hours: Annotated[str, AfterValidator(_quiet_hours)] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"

    @model_validator(mode="after")
    def _fitting(self) -> "Account":
        for name, dialects in _CHOICES.items():
            if getattr(self, name) is not None and self.callback_dialect not in dialects:
                raise ValueError(f"{name} can be chosen only with callback_dialect {' or '.join(dialects)}")
        if self.fixed_sender and not self.senders:
            raise ValueError("fixed_sender needs a sender")
        return self

    @model_validator(mode="after")
    def _answerable(self) -> "Account":
        if self.opt_outs == "customer" and (self.stop_answer or self.start_answer or self.help_answer):
            raise ValueError("answers go out only where opt_outs is broker")
        return self

    @model_validator(mode="after")
    def _signable(self) -> "Account":
        from broker.dialects.native.callback import is_secret

        for name in ("callback_secret", "next_callback_secret"):
            secret = getattr(self, name)
            if self.callback_dialect == "native" and secret is not None and not is_secret(secret):
                raise ValueError(f"{name} is not whsec_ and base64")
        return self


class Connection(_Table):
    """Our credentials with one provider."""

    name: Name
    provider: Name
    base_url: Url | None = None
    token_url: Url | None = None
    auth: Literal["oauth2", "basic"] = "oauth2"
    client_id: Secret | None = None
    client_secret: Secret | None = None
    next_client_secret: Secret | None = None
    username: Secret | None = None
    password: Secret | None = None
    account_id: Secret | None = None
    application_id: Secret | None = None
    webhook_username: Secret | None = None
    webhook_password: Secret | None = None
    media_hosts: list[HostPort] = []
    media_mode: Literal["upload", "link"] = "upload"
    mms_receipts: bool = True
    senders: list[Address] = []
    mps: Rate | None = None
    sender_mps: Rate | None = None
    mps_unit: Literal["messages", "segments"] = "messages"

    @model_validator(mode="after")
    def _complete(self) -> "Connection":
        if self.provider == "bandwidth":
            login = ("client_id", "client_secret") if self.auth == "oauth2" else ("username", "password")
            missing = [
                name for name in ("account_id", "application_id", *login) if getattr(self, name) is None
            ]
            if missing:
                raise ValueError(f"a bandwidth connection with {self.auth} needs {', '.join(missing)}")
        return self


class Route(_Table):
    """Which connection carries what an account sends from a sender."""

    account: Name
    sender: Address
    connection: Name
    fallback: Name | None = None


class Operator(_Table):
    """Somebody who may use the console."""

    name: Name
    password: Secret
    role: Literal["viewer", "content", "operator", "admin"]


class Egress(_Table):
    """Where customers' URLs may lead besides the public network."""

    allow: list[HostPort] = []


class Document(_Table):
    """The whole file."""

    accounts: list[Account] = []
    connections: list[Connection] = []
    routes: list[Route] = []
    operators: list[Operator] = []
    egress: Egress = Egress()

    @model_validator(mode="after")
    def _consistent(self) -> "Document":
        for what, rows in (
            ("account", self.accounts),
            ("connection", self.connections),
            ("operator", self.operators),
        ):
            names = [row.name for row in rows]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} is there twice")
        return self


def load(path: Path) -> dict[str, Any]:
    """Return the tables of a provisioning file, checked, in the shape they have there.

    Raises:
        ConfigurationError: the file cannot be read, or says something it should not.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        Document.model_validate(document)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except ValidationError as error:
        raise ConfigurationError(
            "\n".join(f"{path}: {_sentence(found)}" for found in error.errors())
        ) from None
    return document


_ROWS: Mapping[str, type[_Table]] = {
    "accounts": Account,
    "connections": Connection,
    "routes": Route,
    "operators": Operator,
    "egress": Egress,
}


def _sentence(found: Mapping[str, Any]) -> str:
    """Put one thing that is wrong into words, without its value: it may be a secret."""
    place = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in found["loc"]).lstrip(
        "."
    )
    if found["type"] == "extra_forbidden":
        *above, key = found["loc"]
        known = _ROWS[str(above[0])].model_fields if above else Document.model_fields
        near = difflib.get_close_matches(str(key), known, n=1)
        return f"{place} is not a known key" + (f"; did you mean {near[0]}?" if near else "")
    reason = str(found["msg"]).removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
