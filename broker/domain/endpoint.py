"""Where customers are told: an account with the host and port of its URLs, and how that stands."""

from dataclasses import dataclass
from datetime import datetime


def account_of(endpoint: str) -> str:
    """Return the account that an endpoint is of; no account's name has a blank in it."""
    return endpoint.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LastAnswer:
    """What an endpoint said last, to the newest news that it was told of, and how it fared with the newest.

    Of those it was `told` some, some were `lost` (held or given up), some are `owed`.
    """

    http_status: int | None = None
    error: str = ""
    at: datetime | None = None
    told: int = 0
    lost: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStanding:
    """How many callbacks an endpoint is owed, how many are held and were given up: counted up to a bound."""

    name: str
    owed: int
    held: int
    given_up: int
    last: LastAnswer

    @property
    def account(self) -> str:
        """Whose endpoint it is."""
        return account_of(self.name)

    @property
    def host(self) -> str:
        """Host and port, without anything secret."""
        return self.name.partition(" ")[2].rpartition("@")[2]
