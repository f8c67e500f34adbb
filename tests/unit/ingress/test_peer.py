"""Where a request comes from, by what proxies say of it."""

import ipaddress

import pytest

from broker.errors import ConfigurationError
from broker.ingress.peer import origin
from broker.settings import Settings

OURS = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "2001:db8:1::/48")]


@pytest.mark.parametrize(
    ("peer", "lines", "expected"),
    [
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("2001:db8:1::5", ["2001:db8:2::9"], "2001:db8:2::9"),
        # The customer wrote the first one itself.
        ("10.0.0.1", ["192.0.2.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.7, 10.9.9.9"], "198.51.100.7"),
        ("10.0.0.1", ["192.0.2.1", "198.51.100.7", "10.2.2.2, 10.9.9.9"], "198.51.100.7"),
        ("10.0.0.1", ["10.3.3.3, 10.9.9.9"], "10.3.3.3"),
        ("10.0.0.1", ["", " , ,"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7,"], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8:2::9]:4711"], "2001:db8:2::9"),
        ("10.0.0.1", ["[2001:db8:2::9]"], "2001:db8:2::9"),
        ("10.0.0.1", ['"[2001:db8:2::9]:4711"'], "2001:db8:2::9"),
        ("10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["::ffff:10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        # What is no address is nobody's.
        ("10.0.0.1", ["unknown"], ""),
        ("10.0.0.1", ["198.51.100.7, unknown, 10.9.9.9"], ""),
        ("10.0.0.1", ["198.51.100.7, [2001:db8:2::9]x"], ""),
        ("10.0.0.1", ["198.51.100.7 192.0.2.1"], ""),
        ("10.0.0.1", ["x" * 5000], ""),
        # Whoever is no proxy of ours may say what it likes.
        ("198.51.100.7", ["192.0.2.1"], "198.51.100.7"),
        ("", ["192.0.2.1"], ""),
    ],
)
def test_the_rightmost_hop_that_is_no_proxy_of_ours_is_the_origin(
    peer: str, lines: list[str], expected: str
) -> None:
    assert origin(peer, lines, OURS) == expected


def test_a_trusted_proxy_must_be_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_TRUSTED_PROXIES", '["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]')
    assert Settings.load().trusted_proxies == ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1")
    monkeypatch.setenv("BROKER_TRUSTED_PROXIES", '["everybody"]')
    with pytest.raises(ConfigurationError, match="BROKER_TRUSTED_PROXIES"):
        Settings.load()
