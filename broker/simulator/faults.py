"""The fault dials: what the simulator does wrong, and how often."""

import random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
"""How many of a hundred, as a number from 0 to 1; true and false work too."""


class Faults(BaseModel):
    """All dials; one that is not named stands at "no fault"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latency_ms: float = Field(
        default=0, ge=0, description="Wait between taking a create request and answering it."
    )
    latency_jitter_ms: float = Field(default=0, ge=0, description="Random wait on top, from 0 to this.")
    next_statuses: tuple[int, ...] = Field(
        default=(), description="Refuse the next creates with these statuses, one each."
    )
    errors: dict[int, Share] = Field(default={}, description="Share of creates refused with a status.")
    html_errors: bool = Field(default=False, description="5xx answers carry a gateway's HTML page.")
    throttle_rate: float | None = Field(
        default=None, gt=0, description="Creates a second above which the answer is 429."
    )
    retry_after_s: float | None = Field(default=None, ge=0, description="Retry-After of 429 and 503 answers.")
    accept_then_drop: Share = Field(
        default=0, description="Share taken whose connection ends without an answer."
    )
    drop_before_accept: Share = Field(
        default=0, description="Share not taken whose connection ends without an answer."
    )
    no_id: Share = Field(default=0, description="Share of 202 answers without an id.")

    event_delay_ms: float | None = Field(
        default=None, ge=0, description="Wait before each status event; none: as started."
    )
    events_before_answer: bool = Field(
        default=False, description="Status events are posted before the create is answered."
    )
    duplicate_events: Share = Field(default=0, description="Share of events posted twice.")
    reorder_events: Share = Field(
        default=0, description="Share of messages whose events come in reverse, at odd times."
    )
    drop_events: Share = Field(default=0, description="Share of events never posted.")
    failures: dict[int, Share] = Field(
        default={}, description="Share of recipients that end in message-failed, by code."
    )
    recipient_failures: dict[str, int] = Field(
        default={}, description="Recipients that end in message-failed, with the code."
    )
    webhook_auth: Literal["two-step", "preemptive", "none"] = Field(
        default="two-step", description="How webhooks log in."
    )

    broken_media: Literal["", "cut", "404", "401", "slow", "type"] = Field(
        default="", description="How downloads go wrong."
    )
    broken_media_count: int | None = Field(
        default=None, ge=0, description="Downloads that go wrong; none: all."
    )
    upload_errors: dict[int, Share] = Field(default={}, description="Share of uploads refused with a status.")
    fetch_media: bool = Field(
        default=True, description="Media links of a create are fetched, as the carrier does."
    )

    token_fail: Share = Field(default=0, description="Share of token requests answered 401.")
    token_errors: dict[int, Share] = Field(
        default={}, description="Share of token requests refused with a status."
    )
    token_life_s: int | None = Field(default=None, gt=0, description="Life of new tokens; none: as started.")
    revoke_tokens: bool = Field(default=False, description="On setting this, every token given so far ends.")
    revoked_secrets: frozenset[str] = Field(
        default=frozenset(), description="Client secrets that no longer work."
    )

    seed: int | None = Field(default=None, description="Makes the dice repeat themselves.")

    @property
    def calm(self) -> bool:
        """Say whether a create can be answered at once."""
        return not (
            self.latency_ms
            or self.latency_jitter_ms
            or self.next_statuses
            or self.errors
            or self.throttle_rate
            or self.accept_then_drop
            or self.drop_before_accept
            or self.no_id
            or self.events_before_answer
        )


class Dice:
    """The chance that decides which requests a fault meets."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)

    def hits(self, share: float) -> bool:
        """Say whether this one is among the share."""
        return share > 0 and (share >= 1 or self._random.random() < share)

    def pick(self, shares: dict[int, float]) -> int | None:
        """Return the key whose share this one falls into, or None."""
        point = self._random.random() if shares else 0.0
        for key, share in shares.items():
            if point < share:
                return key
            point -= share
        return None

    def up_to(self, limit: float) -> float:
        """Return a number from 0 to `limit`."""
        return self._random.random() * limit
