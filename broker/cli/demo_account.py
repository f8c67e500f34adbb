"""The account and connection of a stack that nobody provisioned, with the simulator for a carrier."""

import json
import secrets

from broker.cli.folder import Folder, replace

SENDER = "+12025550150"
ACCOUNT = "demo"
CONNECTION = "simulator"

_TEXT = """\
# Made at the first start without --provision; the secrets stay, the simulator's port is kept true.

[[accounts]]
name = {account}
password = {password}
api_keys = [{api_key}]
senders = [{sender}]
inbound_numbers = [{sender}]

[[operators]]
name = "ops"
password = {operator_password}
role = "admin"

[[connections]]
name = {connection}
provider = "bandwidth"
base_url = {base_url}
token_url = {token_url}
auth = "oauth2"
client_id = "demo"
client_secret = {client_secret}
account_id = "9900000"
application_id = "5c1a3f6e-0000-4000-8000-000000000000"
webhook_username = "simulator"
webhook_password = {webhook_password}
media_hosts = [{host}]
senders = [{sender}]
"""


def write(folder: Folder, *, simulator: int) -> str:
    """Write the provisioning file for a simulator on this port, and return the file's name."""
    kept: dict[str, str] = json.loads(folder.secret("demo.key", _secrets))
    kept["operator_password"] = folder.secret("demo-operator.key")
    host = f"127.0.0.1:{simulator}"
    values = {
        **kept,
        "account": ACCOUNT,
        "connection": CONNECTION,
        "sender": SENDER,
        "host": host,
        "base_url": f"http://{host}/api/v2",
        "token_url": f"http://{host}/api/v1/oauth2/token",
    }
    # A JSON string is a TOML string.
    replace(
        folder.path / "demo.toml", _TEXT.format(**{name: json.dumps(value) for name, value in values.items()})
    )
    return "demo.toml"


def _secrets() -> str:
    names = ("password", "api_key", "client_secret", "webhook_password")
    return json.dumps({name: secrets.token_urlsafe(24) for name in names})
