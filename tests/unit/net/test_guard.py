"""What the guard refuses."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import ConfigurationError, MediaForbidden
from broker.net.deny import is_denied
from broker.net.guard import Guard

_INSIDE_4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
]
_INSIDE_6 = [
    "::",
    "::1",
    "::7f00:1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1:ffff::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2a00:1450::5efe:127.0.0.1",
    "2a00:1450::200:5efe:10.0.0.1",
    "3ffe::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
_OUTSIDE = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "99.255.255.255",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80f::200e",
    "::ffff:8.8.8.8",
    "2a00:1450::5efe:8.8.8.8",
]


@pytest.mark.parametrize("address", _INSIDE_4 + _INSIDE_6)
def test_an_inside_address_is_denied(address: str) -> None:
    assert is_denied(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", _OUTSIDE)
def test_an_address_of_the_open_network_is_not_denied(address: str) -> None:
    assert not is_denied(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_inside_a_v6_address_is_judged_too(inner: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(0xFFFF_0000_0000 | int(inner))
    assert is_denied(mapped) == is_denied(inner)
    for prefix in ("::", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"):
        assert is_denied(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(inner)))
    assert is_denied(ipaddress.IPv6Address(0x2002 << 112 | int(inner) << 80))


@given(st.ip_addresses())
def test_nothing_the_interpreter_calls_private_passes(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    special = address.is_private or address.is_multicast or address.is_reserved or address.is_link_local
    assert is_denied(address) or not special or getattr(address, "ipv4_mapped", None) is not None


@pytest.mark.parametrize("address", _INSIDE_4)
def test_a_url_with_an_inside_address_is_refused(address: str) -> None:
    with pytest.raises(MediaForbidden):
        Guard().check_url(f"http://{address}/")


@pytest.mark.parametrize("address", _INSIDE_6)
def test_a_url_with_an_inside_v6_address_is_refused(address: str) -> None:
    with pytest.raises(MediaForbidden):
        Guard().check_url(f"http://[{address}]/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "dict://127.0.0.1:6379/",
        "http://user:pass@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1#@example.com/",
        "http://127.0.0.1\\@example.com/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://2130706433/",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://ⓛocalhost/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "http://a.localhost/",
        "http://printer.local/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://redis/",
        "http://ip6-localhost/",
        "http://example.com:22/",
        "http://example.com:6379/",
        "http://example.com:8080/",
        "http://example.com/\r\nX: y",
        "http://example.com/ HTTP/1.1",
        "http://example.com/\u202e",
        "http://[::1]:80/",
        "http://[::ffff:7f00:1]/",
        "http://[fe80::1%25lo]/",
        "https://example.com/" + "a" * 2048,
    ],
)
def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(MediaForbidden):
        Guard().check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/cat.jpg",
        "http://example.com:80/",
        "http://example.com:443/",
        "https://93.184.215.14/cat.jpg",
        "https://[2606:4700:4700::1111]/",
        "https://cdn.example.com/a%20b?sig=%2B&x=1",
    ],
)
def test_an_ordinary_url_passes(url: str) -> None:
    Guard().check_url(url)


def test_an_allowed_pair_may_be_inside_and_on_any_port() -> None:
    guard = Guard(["127.0.0.1:9300", "Files.Internal:8443", "[::1]:9300"])
    for url in ("http://127.0.0.1:9300/x", "https://files.internal:8443/", "http://[0::1]:9300/"):
        guard.check_url(url)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9301/", "http://127.0.0.1/", "http://127.0.0.2:9300/", "http://localhost:9300/",
     "ftp://127.0.0.1:9300/", "http://a@127.0.0.1:9300/"],
)  # fmt: skip
def test_an_exception_is_for_one_host_and_port_only(url: str) -> None:
    with pytest.raises(MediaForbidden):
        Guard(["127.0.0.1:9300"]).check_url(url)


@pytest.mark.parametrize("entry", ["", "127.0.0.1", "http://127.0.0.1:80", "10.0.0.0/8", "*:80", "a:b"])
def test_an_exception_must_be_a_host_and_port(entry: str) -> None:
    with pytest.raises(ConfigurationError):
        Guard([entry])


def test_other_ports_can_be_permitted() -> None:
    Guard(ports=frozenset({8443})).check_url("https://example.com:8443/")


@pytest.mark.parametrize(
    ("family", "end"),
    [
        (socket.AF_INET, ("127.0.0.1", 80)),
        (socket.AF_INET6, ("::1", 80, 0, 0)),
        (socket.AF_INET6, ("::ffff:127.0.0.1", 80, 0, 0)),
        (socket.AF_INET6, ("fe80::1%lo", 80, 0, 1)),
        (socket.AF_UNIX, ("/run/redis.sock",)),
    ],
)
def test_no_socket_is_made_for_an_inside_address(family: int, end: tuple[object, ...]) -> None:
    with pytest.raises(MediaForbidden):
        Guard(["127.0.0.1:80"]).socket_factory((family, socket.SOCK_STREAM, 0, "", end))


def test_a_socket_is_made_for_an_outside_address() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("93.184.215.14", 443))
    with Guard().socket_factory(info) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)
