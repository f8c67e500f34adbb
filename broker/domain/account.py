"""Who may send, and through what: accounts, connections and routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.domain.callback import Manner
from broker.domain.quiet import QuietHours
from broker.domain.usage import Stop
from broker.errors import NotFound


class NoSuchAccount(NotFound):
    """There is no account of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A customer. Absent limits mean none; `unknown_policy` is "resend" or "stop".

    `fixed_sender`: its first sender speaks whatever a request says, in the APIs that know such accounts.
    """

    name: str
    password_hash: str = ""
    senders: tuple[str, ...] = ()
    fixed_sender: bool = False
    inbound_numbers: tuple[str, ...] = ()
    callback_url: str | None = None
    callback_secret: str | None = None
    callback_dialect: str = "native"
    mms: bool = True
    allowed_ips: tuple[str, ...] = ()
    daily_limit: int | None = None
    monthly_limit: int | None = None
    credit: int | None = None
    unknown_policy: str = "resend"
    timezone: str = "UTC"
    quiet_hours: QuietHours | None = None
    country: str = "US"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """How an account wants to be told: where to, unless a message says, in which words and manner, signed with what."""

    url: str | None = None
    dialect: str = "native"
    secrets: tuple[str, ...] = field(default=(), repr=False)
    manner: Manner = field(default_factory=Manner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Our credentials with one provider. `config` holds the provider's own settings, secrets among them.

    `mps` and `sender_mps` are what it carries a second at most, of all and of each sender, in messages or, as
    `mps_unit` says, in segments. `held_at` is since when nothing is submitted over it (Redis's clock, ms), because its
    credentials fail; `stop` what a person wants of it. Both are absent while it is in use.
    """

    name: str
    provider: str
    senders: tuple[str, ...] = ()
    media_hosts: tuple[str, ...] = ()
    mps: float | None = None
    sender_mps: float | None = None
    mps_unit: str = "messages"
    held_at: int | None = None
    stop: Stop | None = None
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_paced(self) -> bool:
        """Say whether it has a rate."""
        return self.mps is not None or self.sender_mps is not None

    @property
    def is_stopped(self) -> bool:
        """Say whether nothing is submitted over it now."""
        return self.held_at is not None or self.stop in {Stop.PAUSE, Stop.HOLD}

    @property
    def keeps(self) -> bool:
        """Say whether what it is to carry waits for it, also where there is another way."""
        return self.stop is Stop.HOLD

    @property
    def drains(self) -> bool:
        """Say whether it finishes what it was given, and is to be given no more."""
        return self.stop is Stop.DRAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which connection carries what an account sends from one of its senders."""

    account: str
    sender: str
    connection: str
    fallback: str | None = None
