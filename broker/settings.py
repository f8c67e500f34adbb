"""Every knob, typed, from BROKER_* variables."""

import os
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from broker.errors import ConfigurationError
from broker.gateway_settings import GatewaySettings

PREFIX = "BROKER_"


class Durability(StrEnum):
    """What has happened to a message before its 2xx is sent (DESIGN section 7, promise 2)."""

    REPLICA = "replica"
    FSYNC = "fsync"
    AOF = "aof"
    MEMORY = "memory"


class Settings(GatewaySettings, BaseSettings):
    """The settings of one process; every process of a deployment is given the same ones."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    data_dir: Path = Field(Path(".data"), description="Folder for everything that has no setting of its own.")
    redis_url: str = Field("", description="Redis or Valkey; empty: the embedded server of `./run up`.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    attachments_dir: Path | None = Field(
        None, description="Where parts are kept; empty: MMSAttachments in the data folder."
    )
    outbox_dir: Path | None = Field(
        None, description="One folder per account for files named in Ozeki requests."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs media links, fingerprints API keys, encrypts carrier credentials; 32 characters or more.",
    )
    provision_file: Path | None = Field(
        None, description="TOML with accounts, connections and routes, applied at start."
    )

    host: str = Field("127.0.0.1", description="Address the ingress listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port the ingress listens on; 0: any free one.")
    metrics_host: str = Field("127.0.0.1", description="Address of the metrics of workers and scheduler.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of these, each its own; 0: any free one.")
    tracing_endpoint: str = Field(
        "",
        description="Where traces go, OTLP over HTTP (…/v1/traces); empty: nothing is traced. Needs the extra otel.",
    )
    tracing_share: float = Field(1.0, ge=0, le=1, description="Share of the traces that is kept.")
    trace_url: str = Field(
        "",
        description="Where a trace is looked at, {trace_id} for its id: https://traces.example/trace/{trace_id}",
    )
    tls_cert: Path | None = Field(
        None, description="Certificate in PEM, with its chain; empty: no HTTPS. Read again when it changes."
    )
    tls_key: Path | None = Field(
        None, description="Key of the certificate in PEM; empty: it is in the same file."
    )
    tls_host: str = Field("0.0.0.0", description="Address that HTTPS listens on.")  # noqa: S104  # its purpose
    tls_port: int = Field(8443, ge=0, le=65535, description="Port that HTTPS listens on; 0: any free one.")
    connections_limit: int = Field(
        10_000, gt=0, description="Most open connections of one ingress process; others get 503."
    )
    public_url: str = Field(
        "", description="How carriers and customers reach the ingress, for links; empty: host and port."
    )

    trusted_proxies: tuple[str, ...] = Field(
        (), description="Networks of proxies whose X-Forwarded-For is believed, as a JSON list of CIDRs."
    )

    durability: Durability = Field(
        Durability.FSYNC, description="What the 2xx of a send stands for: replica, fsync, aof or memory."
    )
    redis_timeout_s: float = Field(1.5, gt=0, description="Longest wait for one answer of Redis, in seconds.")
    redis_memory_watermark: float = Field(
        0.7, gt=0, le=1, description="Share of Redis's memory limit above which sends get 503."
    )
    backlog_age_s: float = Field(
        600.0, gt=0, description="Age of the oldest waiting message above which sends get 503, in seconds."
    )
    body_limit: int = Field(10 * 1024 * 1024, gt=0, description="Largest request body, in bytes.")
    webhook_body_limit: int = Field(1024 * 1024, gt=0, description="Largest webhook body, in bytes.")
    max_recipients: int = Field(1000, gt=0, description="Most recipients of one request.")
    idempotency_s: int = Field(
        48 * 3600, gt=0, description="How long an idempotency key is remembered, in seconds."
    )

    take_size: int = Field(200, gt=0, le=200, description="Most messages one take works on.")
    worker_threads: int = Field(8, gt=0, description="Takes that one worker process works on at a time.")
    take_wait_s: float = Field(1.0, gt=0, description="Longest wait of a take for answers, in seconds.")
    window: int = Field(
        512, gt=0, description="Most submissions in flight at a connection, per worker process."
    )
    submit_timeout_s: float = Field(
        20.0, gt=0, description="Longest wait for a carrier's answer, in seconds."
    )
    submit_client: str = Field(
        "lean", pattern="^(lean|aiohttp)$", description="HTTP client of the submit path: lean or aiohttp."
    )
    lease_s: float = Field(
        60.0, gt=0, description="How long a claimed message is left to its worker, in seconds."
    )
    unknown_hold_s: float = Field(
        60.0,
        ge=0,
        description="How long a lost answer is waited for before the account's policy, in seconds.",
    )
    retry_first_s: float = Field(
        5.0, gt=0, description="First wait before a message is tried again, in seconds."
    )
    retry_longest_s: float = Field(
        900.0, gt=0, description="Longest wait before a message is tried again, in seconds."
    )
    retry_attempts: int = Field(30, gt=0, description="Most submissions of one message.")
    hold_s: float = Field(
        60.0, gt=0, description="How long a connection whose credentials fail is left alone, in seconds."
    )
    confirm_s: float = Field(
        72 * 3600, gt=0, description="How long a delivery report is waited for, in seconds."
    )
    sweep_every_s: float = Field(2.0, gt=0, description="Time between two sweeps, in seconds.")
    put_back_s: float = Field(
        5.0,
        gt=0,
        description="How long a popped message may go unrecorded before it is put back, in seconds.",
    )

    media_part_limit: int = Field(
        8 * 1024 * 1024, gt=0, description="Largest part fetched or uploaded, in bytes."
    )
    media_message_limit: int = Field(
        20 * 1024 * 1024, gt=0, description="Largest sum of a message's parts, in bytes."
    )
    media_timeout_s: float = Field(60.0, gt=0, description="Longest download of one part, in seconds.")
    media_retry_s: float = Field(172800, gt=0, description="How long an inbound part is tried for, in s.")
    arrival_s: float = Field(604800, gt=0, description="How long an arrival waits for its customer, in s.")
    media_text_hold_s: float = Field(
        300.0, gt=0, description="How long a missing part may hold up an inbound text, in seconds."
    )
    media_link_s: int = Field(48 * 3600, gt=0, description="Life of a signed media link, in seconds.")
    egress_allow: tuple[str, ...] = Field(
        (), description="Private host:port pairs that customers' URLs may reach, as a JSON list."
    )

    callback_timeout_s: float = Field(
        15.0, gt=0, description="Longest wait for a customer's answer to a callback, in seconds."
    )
    callback_first_s: float = Field(
        30.0, gt=0, description="First wait before a callback is tried again, in seconds; it doubles."
    )
    callback_longest_s: float = Field(
        8 * 3600, gt=0, description="Longest wait before a callback is tried again, in seconds."
    )
    callback_for_s: float = Field(
        28 * 3600, gt=0, description="How long a callback is tried for, in seconds."
    )
    callback_window: int = Field(
        64, gt=0, description="Most callbacks in flight at one endpoint, per worker process."
    )

    callback_keep_s: float = Field(
        30 * 24 * 3600,
        ge=48 * 3600,
        description="How long callbacks that were told or given up are kept, in seconds.",
    )
    log_keep_s: float = Field(
        14 * 24 * 3600,
        ge=48 * 3600,
        description="How long the event log of connections and carriers' webhooks are kept, in seconds.",
    )
    keep_text_days: int = Field(30, gt=0, description="How long texts of messages are kept, in days.")
    keep_media_days: int = Field(30, gt=0, description="How long files of messages are kept, in days.")
    keep_events_days: int = Field(90, gt=0, description="How long events and attempts are kept, in days.")

    log_level: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe line that is logged."
    )
    log_format: str = Field(
        "json", pattern="^(json|console)$", description="json for machines, console for people."
    )
    flower_password: SecretStr = Field(
        SecretStr(""), description="Password of Flower's user `ops`; empty: Flower is not started."
    )

    flower_url: str = Field("", description="Where operators reach Flower, for the console; empty: no link.")
    simulator_url: str = Field(
        "", description="The simulator whose phones the console shows, in development; empty: none."
    )

    @field_validator("trace_url")
    @classmethod
    def _is_template(cls, value: str) -> str:
        """Refuse what cannot lead to a trace, and what a browser would do something else with."""
        if value and not (value.startswith(("http://", "https://")) and "{trace_id}" in value):
            raise ValueError("must be an address over http or https with {trace_id} in it")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            ip_network(text, strict=False)
        return value

    @classmethod
    def load(cls) -> Self:
        """Read the settings from the environment.

        Raises:
            ConfigurationError: a value cannot be used, or there is a BROKER_ variable that no setting is called.
        """
        known = {f"{PREFIX}{name.upper()}" for name in cls.model_fields}
        unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
        if unknown:
            raise ConfigurationError(f"unknown environment variable: {', '.join(unknown)}")
        try:
            return cls()
        except ValidationError as error:
            wrong = "; ".join(f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(wrong) from None

    @property
    def reached_at(self) -> str:
        """How others reach the ingress, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def attachments(self) -> Path:
        """The absolute folder that holds MMSAttachments/<message id>/."""
        return (self.attachments_dir or self.data_dir / "MMSAttachments").absolute()

    @property
    def uploads(self) -> Path:
        """The absolute folder for media that customers uploaded ahead of a send."""
        return (self.data_dir / "uploads").absolute()

    @property
    def outbox(self) -> Path:
        """The absolute folder below which each account has its own outbox folder."""
        return (self.outbox_dir or self.data_dir / "outbox").absolute()

    @property
    def spool(self) -> Path:
        """The absolute folder for webhooks that came while Redis was away."""
        return (self.data_dir / "spool").absolute()

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'broker.db').absolute()}"
