"""Ports are taken once, stepped over when in use, and held for a child to listen on."""

import socket
from collections.abc import Iterator

import pytest

from broker.cli.ports import Ports
from broker.errors import ConfigurationError

LOCAL = "127.0.0.1"


class Teller:
    """Two stacks' ports, and what the second said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.first = Ports(say=lambda _: None)
        self.second = Ports(say=self.said.append)


@pytest.fixture
def two() -> Iterator[Teller]:
    """Two stacks on one machine."""
    teller = Teller()
    yield teller
    teller.first.release()
    teller.second.release()


def test_two_stacks_never_take_the_same_port(two: Teller) -> None:
    port = two.first.take(0, host=LOCAL, what="ingress")
    other = two.second.take(port, host=LOCAL, what="ingress")
    assert other > port
    assert two.said == [f"port {port} is in use, ingress takes {other}"]


def test_a_port_that_somebody_listens_on_is_stepped_over(two: Teller) -> None:
    with socket.create_server((LOCAL, 0)) as server:
        port = server.getsockname()[1]
        assert two.second.take(port, host=LOCAL, what="flower") > port
    assert len(two.said) == 1


def test_a_child_can_listen_on_a_port_that_we_hold(two: Teller) -> None:
    port = two.first.take(0, host=LOCAL, what="redis")
    with socket.create_server((LOCAL, port)), socket.create_connection((LOCAL, port)):
        pass
    with socket.create_server((LOCAL, port)):  # and again, after it died
        pass


def test_a_port_that_is_given_back_can_be_taken_by_the_next_stack(two: Teller) -> None:
    port = two.first.take(0, host=LOCAL, what="ingress")
    two.first.release()
    assert two.second.take(port, host=LOCAL, what="ingress") == port
    assert two.said == []


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_refused_with_a_sentence(two: Teller, host: str) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot listen on {host}"):
        two.first.take(0, host=host, what="ingress")
