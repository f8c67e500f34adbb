"""Values: what they promise, whatever they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import pytest

from broker.domain.value import replace, value


@value
class Stamp:
    """A value with everything."""

    name: str
    country: str = "US"
    secret: str = field(default="", repr=False)
    years: tuple[int, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Return a text of two fields."""
        return f"{self.country} {self.name}"


@dataclass(frozen=True)
class Plain:
    """A dataclass."""

    name: str
    size: int = 0


def test_a_value_has_defaults_methods_and_equality() -> None:
    one, same = Stamp(name="Liberty"), Stamp(name="Liberty")
    assert (one.country, one.years, one.notes, one.label) == ("US", (), {}, "US Liberty")
    assert one == same
    assert one != Stamp(name="Liberty", years=(1923,))
    assert one.notes is not same.notes


def test_equal_values_have_one_hash() -> None:
    one, same = (Stamp(name="Liberty", notes=()) for _ in range(2))  # type: ignore[arg-type]  # what can be hashed
    assert len({one, same}) == 1


def test_a_value_takes_named_arguments_only_and_never_changes() -> None:
    with pytest.raises(TypeError):
        Stamp("Liberty")  # type: ignore[call-arg,misc]
    with pytest.raises(AttributeError):
        Stamp(name="Liberty").name = "Justice"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        Stamp(name="Liberty").other = 1  # type: ignore[attr-defined]


def test_what_a_value_hides_is_not_in_its_words() -> None:
    told = repr(Stamp(name="Liberty", secret="canary-8842"))
    assert "canary-8842" not in told
    assert told.startswith("Stamp(name='Liberty', country='US'")


def test_a_copy_differs_in_what_was_named() -> None:
    one = Stamp(name="Liberty", secret="s", years=(1923,))
    assert replace(one, name="Justice") == Stamp(name="Justice", secret="s", years=(1923,))
    assert one.name == "Liberty"
    assert replace(Plain(name="x"), size=2) == Plain(name="x", size=2)
    with pytest.raises(TypeError):
        replace(one, colour="red")  # type: ignore[call-arg]


def test_as_json_only_what_differs_from_its_default_is_told() -> None:
    assert msgspec.json.encode(Stamp(name="Liberty", years=(1923,))) == b'{"name":"Liberty","years":[1923]}'


def test_a_value_says_what_it_is_and_where() -> None:
    assert Stamp.__doc__ == "A value with everything."
    assert (Stamp.__module__, Stamp.__name__) == (__name__, "Stamp")
