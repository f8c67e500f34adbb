"""How a URL is taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from broker.net.target import locate, split_authority


@pytest.mark.parametrize(
    ("url", "origin", "authority", "path"),
    [
        ("http://example.com", (False, "example.com", 80), "example.com", "/"),
        ("https://Example.COM/A?b=C#d", (True, "example.com", 443), "example.com", "/A?b=C"),
        ("HTTPS://example.com:8443?x", (True, "example.com", 8443), "example.com:8443", "/?x"),
        ("http://example.com:443/", (False, "example.com", 443), "example.com:443", "/"),
        ("https://example.com:443/", (True, "example.com", 443), "example.com", "/"),
        ("http://127.0.0.1:9100/api/v2", (False, "127.0.0.1", 9100), "127.0.0.1:9100", "/api/v2"),
        ("http://[::1]:9100/", (False, "::1", 9100), "[::1]:9100", "/"),
        ("http://[2001:DB8:0::1]/", (False, "2001:db8::1", 80), "[2001:db8::1]", "/"),
        ("http://my_host.example/%2F", (False, "my_host.example", 80), "my_host.example", "/%2F"),
        ("http://example.com/?u=http://b@c/", (False, "example.com", 80), "example.com", "/?u=http://b@c/"),
        ("http://xn--bcher-kva.example/", (False, "xn--bcher-kva.example", 80), "xn--bcher-kva.example", "/"),
    ],
)
def test_a_plain_url_is_taken_apart(
    url: str, origin: tuple[bool, str, int], authority: str, path: str
) -> None:
    target = locate(url)
    assert (target.origin, target.authority, target.path) == (origin, authority, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "/path",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "http:/example.com/",
        "http:example.com",
        "http:///path",
        "http://",
        "http://?x",
        "http://user@example.com/",
        "http://user:pass@example.com/",
        "http://@example.com/",
        "http://example.com@evil.example/",
        "http://example.com:/",
        "http://example.com:0/",
        "http://example.com:080/",
        "http://example.com:65536/",
        "http://example.com:99999999/",
        "http://example.com:80:80/",
        "http://example.com:+80/",
        "http://example.com./",
        "http://.example.com/",
        "http://exa..mple.com/",
        "http://-a.example/",
        "http://a-.example/",
        "http://exam ple.com/",
        "http://example.com/a b",
        "http://example.com/\t",
        "http://example.com/\r\nHost: evil",
        "http://example.com/\0",
        "http://example.com/\n",
        "http://example.com\\@evil.example/",
        "http:\\\\example.com/",
        "http://ex%61mple.com/",
        "http://bücher.example/",
        "http://example.com/ü",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.01/",
        "http://127.0.0.1.1/",
        "http://256.0.0.1/",
        "http://1.2.3.0x4/",
        "http://example.0x/",
        "http://example.1/",
        "http://[::1/",
        "http://::1/",
        "http://[127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::1]x/",
        "http://[1:2]/",
        "http://[]/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://example.com/" + "a" * 9000,
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        locate(url)


@given(st.text(max_size=40) | st.from_regex(r"https?://[ -~]{0,40}", fullmatch=True))
def test_what_is_accepted_means_the_same_to_another_parser(url: str) -> None:
    try:
        target = locate(url)
    except ValueError:
        return
    other = URL(target.url, encoded=True)
    assert (other.scheme == "https", other.host, other.port) == target.origin
    assert (other.user, other.password) == (None, None)


def test_a_url_is_written_anew_without_its_oddities() -> None:
    assert locate("HTTPS://Example.COM:443?A=%2f#x").url == "https://example.com/?A=%2f"


def test_a_refusal_does_not_repeat_the_url() -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        locate("http://name:secret@example.com/")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("localhost:9300", ("localhost", 9300)),
        ("[::1]:80", ("::1", 80)),
        ("Host.Example:1", ("host.example", 1)),
    ],
)
def test_an_authority_is_host_and_port(text: str, pair: tuple[str, int]) -> None:
    assert split_authority(text) == pair


def test_a_port_is_needed_where_there_is_no_default() -> None:
    with pytest.raises(ValueError, match="port"):
        split_authority("localhost")
