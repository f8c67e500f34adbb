"""The customers of a fault run, and the provisioning file that makes them."""

from dataclasses import dataclass
from enum import StrEnum

CONNECTION = "bandwidth-1"
WEBHOOK_USER, WEBHOOK_PASSWORD = "carrier", "carrier's secret"
PASSWORD = "a password"  # noqa: S105  # of accounts and an operator that live as long as the run
OPERATOR = f"ops:{PASSWORD}"


class Tongue(StrEnum):
    """The API that a customer speaks."""

    NATIVE = "native"
    OZEKI = "ozeki"
    MXTELECOM = "mxtelecom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One account; `share` is its part of the load."""

    name: str
    tongue: Tongue
    sender: str
    share: float
    stops: bool = False

    @property
    def key(self) -> str:
        """Its API key."""
        return f"an-api-key-of-{self.name}"

    def callback(self, sink: str) -> str:
        """Return the address at which it is told."""
        words = "?id=$messageid&status=$statusmessage" if self.tongue is Tongue.OZEKI else ""
        return f"{sink}/told/{self.name}{words}"


CUSTOMERS = (
    Customer(name="native", tongue=Tongue.NATIVE, sender="+12025550150", share=0.45),
    Customer(name="stopper", tongue=Tongue.NATIVE, sender="+12025550151", share=0.05, stops=True),
    Customer(name="ozeki", tongue=Tongue.OZEKI, sender="+12025550152", share=0.25),
    Customer(name="mxtelecom", tongue=Tongue.MXTELECOM, sender="+12025550153", share=0.25),
)

_ACCOUNT = """
[[accounts]]
name = "{name}"
password = "{password}"
api_keys = ["{key}"]
senders = ["{sender}"]
callback_url = "{url}"
callback_dialect = "{tongue}"
unknown_policy = "{policy}"
"""

_CONNECTION = """
[[operators]]
name = "ops"
password = "{password_of_ops}"
role = "viewer"

[[connections]]
name = "{name}"
provider = "bandwidth"
base_url = "{carrier}/api/v2"
token_url = "{carrier}/api/v1/oauth2/token"
auth = "oauth2"
client_id = "client"
client_secret = "secret"
account_id = "9900000"
application_id = "app-1"
webhook_username = "{user}"
webhook_password = "{password}"
media_hosts = ["{host}"]
senders = [{senders}]

[egress]
allow = ["{sink}"]
"""


def provisioning(*, carrier: str, sink: str) -> str:
    """Return the provisioning file: every customer, and one connection to the carrier's address."""
    accounts = [
        _ACCOUNT.format(
            name=each.name,
            password=PASSWORD,
            key=each.key,
            sender=each.sender,
            url=each.callback(sink),
            tongue=each.tongue,
            policy="stop" if each.stops else "resend",
        )
        for each in CUSTOMERS
    ]
    connection = _CONNECTION.format(
        password_of_ops=PASSWORD,
        name=CONNECTION,
        carrier=carrier,
        user=WEBHOOK_USER,
        password=WEBHOOK_PASSWORD,
        host=carrier.removeprefix("http://"),
        senders=", ".join(f'"{each.sender}"' for each in CUSTOMERS),
        sink=sink.removeprefix("http://"),
    )
    return "".join(accounts) + connection
