"""HTTP Basic credentials (RFC 7617), shown to others or asked of them."""

import base64
import binascii
import hmac
from dataclasses import dataclass, field

from broker.domain.wire import Call, Response
from broker.errors import SignatureMismatch

CHALLENGE = Response(status=401, headers={"WWW-Authenticate": 'Basic realm="webhooks", charset="UTF-8"'})
"""What makes a carrier repeat its webhook with credentials. Without the header some give the event up."""


class NoCredentials(SignatureMismatch):
    """The call has none. Some carriers send it so first, and wait to be asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A user name with its password."""

    username: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return f"Basic {base64.b64encode(self._pair).decode()}"

    @property
    def _pair(self) -> bytes:
        return f"{self.username}:{self.password}".encode()

    def verify(self, call: Call) -> None:
        """Check a call's credentials, in the same time whatever they are.

        Raises:
            SignatureMismatch: they are missing, unreadable or wrong.
        """
        scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            raise NoCredentials("no Basic credentials")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise SignatureMismatch("the credentials cannot be read") from None
        if not hmac.compare_digest(given, self._pair):
            raise SignatureMismatch("the credentials are wrong")
