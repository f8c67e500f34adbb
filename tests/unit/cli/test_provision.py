"""The provisioning file is taken whole or refused with a sentence."""

from pathlib import Path

import pytest

from broker.cli import provision
from broker.errors import ConfigurationError

WHOLE = """
[[accounts]]
name = "acme"
password = "secret"
api_keys = ["one", "two"]
senders = ["+12025550150"]
inbound_numbers = ["+12025550150"]
callback_url = "http://127.0.0.1:9300/callback"
callback_secret = "whsec_abc"
callback_dialect = "native"
mms = true
fixed_sender = true
allowed_ips = ["127.0.0.1/32"]
daily_limit = 1000
monthly_limit = 20000
credit = 500
unknown_policy = "resend"
timezone = "UTC"
quiet_hours = "21:00-08:00"
country = "US"

[[connections]]
name = "bandwidth-1"
provider = "bandwidth"
base_url = "http://127.0.0.1:9100/api/v2"
token_url = "http://127.0.0.1:9100/api/v1/oauth2/token"
auth = "oauth2"
client_id = "id"
client_secret = "secret"
next_client_secret = "secret"
username = "user"
password = "secret"
account_id = "9900000"
application_id = "app"
webhook_username = "user"
webhook_password = "secret"
media_hosts = ["127.0.0.1:9100"]
media_mode = "upload"
mms_receipts = true
senders = ["+12025550150"]
mps = 50
sender_mps = 1

[[routes]]
account = "acme"
sender = "+12025550150"
connection = "bandwidth-1"
fallback = "bandwidth-2"

[[operators]]
name = "ops"
password = "secret"
role = "admin"

[egress]
allow = ["127.0.0.1:9300"]
"""


@pytest.fixture
def write(tmp_path: Path) -> Path:
    """A file to write to."""
    return tmp_path / "provision.toml"


def test_everything_the_file_may_say_is_taken_as_it_stands(write: Path) -> None:
    write.write_text(WHOLE)
    document = provision.load(write)
    assert list(document) == ["accounts", "connections", "routes", "operators", "egress"]
    assert document["accounts"][0]["api_keys"] == ["one", "two"]
    assert document["connections"][0]["mps"] == 50


def test_an_empty_file_provisions_nothing(write: Path) -> None:
    write.write_text("")
    assert provision.load(write) == {}


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        (
            'password = "secret"\napi_keys',
            'pasword = "secret"\napi_keys',
            "accounts[1].pasword is not a known key; did you",
        ),
        ('name = "ops"', 'nickname = "ops"', "operators[1].name: Field required"),
        ("[egress]", "[egres]", "egres is not a known key; did you mean egress?"),
        ("allow =", "allowed =", "egress.allowed is not a known key; did you mean allow?"),
        (
            "daily_limit = 1000",
            'daily_limit = "1000"',
            "accounts[1].daily_limit: Input should be a valid integer",
        ),
        ("mms = true", 'mms = "yes"', "accounts[1].mms"),
        ('timezone = "UTC"', 'timezone = "Mars/Olympus"', "accounts[1].timezone: no such time zone"),
        (
            'quiet_hours = "21:00-08:00"',
            'quiet_hours = "21-8"',
            "accounts[1].quiet_hours: is not of the form",
        ),
        ('"127.0.0.1/32"', '"127.0.0.1/64"', "accounts[1].allowed_ips[1]"),
        ('senders = ["+12025550150"]\ninbound', "inbound", "accounts[1]: fixed_sender needs a sender"),
        ('senders = ["+12025550150"]\ninbound', 'senders = ["٠١٢٣٤"]\ninbound', "accounts[1].senders[1]"),
        ('unknown_policy = "resend"', 'unknown_policy = "maybe"', "accounts[1].unknown_policy"),
        ("mms = true", 'opt_outs = "nobody"', "accounts[1].opt_outs"),
        (
            "mms = true",
            'stop_answer = "Stop!"',
            "accounts[1].stop_answer: is a word that would be answered in turn",
        ),
        (
            "mms = true",
            'opt_outs = "customer"\nhelp_answer = "Ask us"',
            "answers go out only where opt_outs is broker",
        ),
        ('client_id = "id"\n', "", "connections[1]: a bandwidth connection with oauth2 needs client_id"),
        ('role = "admin"', 'role = "god"', "operators[1].role"),
        ("[[routes]]", "[[routes", "provision.toml: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(write: Path, line: str, instead: str, said: str) -> None:
    assert line in WHOLE
    write.write_text(WHOLE.replace(line, instead, 1))
    with pytest.raises(ConfigurationError) as caught:
        provision.load(write)
    assert said in str(caught.value)


def test_an_error_never_quotes_a_value(write: Path) -> None:
    write.write_text('[[accounts]]\nname = "acme"\npassword = ["hunter2"]\napi_keys = "hunter2"\n')
    with pytest.raises(ConfigurationError) as caught:
        provision.load(write)
    assert "hunter2" not in str(caught.value)


def test_two_accounts_cannot_have_one_name(write: Path) -> None:
    write.write_text('[[accounts]]\nname = "acme"\n[[accounts]]\nname = "acme"\n')
    with pytest.raises(ConfigurationError, match="account acme is there twice"):
        provision.load(write)


def test_a_file_that_is_not_there_is_named(write: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"provision\.toml: No such file"):
        provision.load(write)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "not base64!"])
@pytest.mark.parametrize("name", ["callback_secret", "next_callback_secret"])
def test_a_secret_that_can_sign_nothing_is_refused(write: Path, name: str, secret: str) -> None:
    write.write_text(f'[[accounts]]\nname = "acme"\n{name} = "{secret}"\n')
    with pytest.raises(ConfigurationError, match=rf"{name} is not whsec_ and base64"):
        provision.load(write)
    write.write_text(f'[[accounts]]\nname = "acme"\ncallback_dialect = "ozeki"\n{name} = "{secret}"\n')
    assert provision.load(write)["accounts"]
