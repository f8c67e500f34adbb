"""How one simulator is set up."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The account that is played, and where its webhooks go: to these addresses in turn, or nowhere."""

    host: str = "127.0.0.1"
    port: int = 0
    account_id: str = "9900000"
    application_id: str = ""
    client_id: str = "client"
    client_secrets: tuple[str, ...] = ("secret",)
    user: str = ""
    password: str = ""
    token_life_s: int = 3600
    public_url: str = ""
    webhook_urls: tuple[str, ...] = ()
    webhook_user: str = ""
    webhook_password: str = ""
    webhook_timeout_s: float = 10.0
    webhook_concurrency: int = 16
    webhook_events: int = 20
    webhook_tries: int = 100
    event_delay_ms: float = 200.0
    journal: Path | None = None
    ready_file: Path | None = None
