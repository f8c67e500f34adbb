"""Say what is in force for a connection, and where that came from; no secret is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from broker.providers.base import Provider
from broker.services.configuration import SECRET, worded


class Source(StrEnum):
    """Where a value came from."""

    FILE = "provisioned"
    USUAL = "default"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Particular:
    """One value that is in force for a connection."""

    name: str
    value: str
    source: Source


def particulars(provider: Provider) -> list[Particular]:
    """Return what is in force for a connection; of settings that nobody declared harmless only that they are set."""
    return [*_own(provider), *_settings(provider), *_limits(provider)]


def _own(provider: Provider) -> Iterator[Particular]:
    one = provider.connection
    for name, value in (
        ("provider", one.provider),
        ("senders", one.senders),
        ("media_hosts", one.media_hosts),
        ("mps", "any" if one.mps is None else one.mps),
        ("sender_mps", "any" if one.sender_mps is None else one.sender_mps),
        ("mps_unit", one.mps_unit),
    ):
        yield Particular(name=name, value=worded(value), source=Source.FILE)


def _settings(provider: Provider) -> Iterator[Particular]:
    given = provider.connection.config
    for name in sorted({*given, *provider.shown, *provider.usual}):
        value = given.get(name)
        if value is None or value == "":
            usual = worded(provider.usual.get(name))
            yield Particular(name=name, value=usual, source=Source.USUAL)
        else:
            shown = worded(value) if name in provider.shown else SECRET
            yield Particular(name=name, value=shown, source=Source.FILE)


def _limits(provider: Provider) -> Iterator[Particular]:
    limits = provider.limits
    for name, number in (
        ("parts", limits.parts),
        ("bytes of a part", limits.part_bytes),
        ("bytes of all parts", limits.total_bytes),
        ("recipients of a group", limits.recipients),
        ("characters of a text", limits.text),
    ):
        yield Particular(name=name, value=f"at most {number:,}", source=Source.CARRIER)
