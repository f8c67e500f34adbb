"""The token address: OAuth2 client credentials (bandwidth.md 1.2)."""

import base64
import binascii
import secrets
import time
from urllib.parse import parse_qs

from broker.domain.wire import Call
from broker.simulator.exchange import Reply, refusal, says
from broker.simulator.faults import Dice, Faults

_SWEEP_ABOVE = 1000


class TokenDesk:
    """Give tokens for client credentials, and check what callers show."""

    def __init__(
        self, *, client_id: str, secrets_: tuple[str, ...], user: str, password: str, life_s: int
    ) -> None:
        self._client_id = client_id
        self._secrets = secrets_
        self._basic = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""
        self._life_s = life_s
        self._ends: dict[str, float] = {}
        self.given = 0
        self.refused = 0

    def give(self, call: Call, faults: Faults, dice: Dice) -> Reply:
        """Answer one token request."""
        status = dice.pick(faults.token_errors)
        if status is not None:
            self.refused += 1
            return refusal(status, "error", "The token service has a fault.")
        if dice.hits(faults.token_fail) or not self._known(call.headers.get("authorization", ""), faults):
            self.refused += 1
            return says({"error": "invalid_client"}, status=401, headers={"WWW-Authenticate": "Basic"})
        if parse_qs(call.body.decode("latin-1")).get("grant_type") != ["client_credentials"]:
            self.refused += 1
            return says({"error": "unsupported_grant_type"}, status=400)
        life_s = faults.token_life_s or self._life_s
        token = secrets.token_urlsafe(24)
        self._forget_old()
        self._ends[f"Bearer {token}"] = time.monotonic() + life_s
        self.given += 1
        return says({"access_token": token, "token_type": "Bearer", "expires_in": life_s})

    def accepts(self, authorization: str) -> bool:
        """Say whether an Authorization header opens the account."""
        ends = self._ends.get(authorization)
        if ends is not None:
            return time.monotonic() < ends
        return bool(self._basic) and authorization == self._basic

    def revoke(self) -> None:
        """End every token given so far."""
        self._ends.clear()

    def _known(self, authorization: str, faults: Faults) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        live = [known for known in self._secrets if known not in faults.revoked_secrets]
        return scheme.lower() == "basic" and user == self._client_id and secret in live

    def _forget_old(self) -> None:
        if len(self._ends) > _SWEEP_ABOVE:
            now = time.monotonic()
            self._ends = {token: ends for token, ends in self._ends.items() if ends > now}
