"""Parameters of a call by their exact names (sheet mxtelecom, sections 1 to 2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.dialects.base import has_controls, is_clean
from broker.domain.value import replace
from broker.domain.wire import Call
from broker.errors import InvalidField

LATIN = "iso-8859-15"
_ABSENT = ("",)
_SEEN = "mxtelecom.params"


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """The values of each parameter in their order; bytes that are not UTF-8 are surrogate escapes in them."""

    values: Mapping[str, tuple[str, ...]]

    def raw(self, name: str) -> bytes:
        """Return the bytes of a parameter's first value; none where it is absent."""
        return _bytes(self.values.get(name, _ABSENT)[0])

    def text(self, name: str, *, latin: bool = False) -> str:
        """Return a parameter's first value as UTF-8, else as ISO-8859-15; at once as that where it is `latin`."""
        value = self.values.get(name, _ABSENT)[0]
        if value.isascii():
            return value
        return _bytes(value).decode(LATIN) if latin else decoded(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter, decoded."""
        return tuple(decoded(value) for value in self.values.get(name, ()))

    def line(self, name: str, most: int) -> str:
        """Return a parameter that is one short line.

        Raises:
            InvalidField: it is longer than `most`, or holds control characters.
        """
        value = self.text(name)
        if len(value) > most:
            raise InvalidField(f"has more than {most} characters", pointer=f"/{name}")
        if not is_clean(value) or has_controls(value):
            raise InvalidField("holds control characters", pointer=f"/{name}")
        return value

    def choice(self, name: str, *known: str) -> str:
        """Return a parameter that has few values; the first of those that are known stands for none.

        Raises:
            InvalidField: it is none of them.
        """
        value = self.text(name).strip().lower() or known[0]
        if value not in known:
            raise InvalidField(f"is not {' or '.join(known)}", pointer=f"/{name}")
        return value


def read_params(call: Call) -> Params:
    """Return the parameters of a call: those of its query, and over them those of a POST's form."""
    known: Params | None = call.seen.get(_SEEN)
    if known is None:
        known = call.seen[_SEEN] = _read(call)
    return known


def without(call: Call, name: str) -> Call:
    """Return a call as if it had no parameter of a name."""
    query, form = (tuple(pair for pair in pairs if pair[0] != name) for pairs in (call.query, call.form))
    return replace(call, query=query, form=form, seen={})


def _read(call: Call) -> Params:
    found = _by_name(call.query)
    if call.method == "POST":
        found.update(_by_name(call.form))
    return Params(values={name: tuple(values) for name, values in found.items()})


def decoded(value: str) -> str:
    """Return a value as it was read, or as ISO-8859-15 where that was not UTF-8."""
    return value if value.isascii() or is_clean(value.replace("\0", "")) else _bytes(value).decode(LATIN)


def _bytes(value: str) -> bytes:
    if value.isascii():
        return value.encode()
    return value.encode("utf-8", "surrogateescape" if _is_escaped(value) else "replace")


def _is_escaped(value: str) -> bool:
    """Say whether every lone surrogate stands for a byte; others come only from who made no use of a socket."""
    return all("\udc80" <= char <= "\udcff" for char in value if "\ud800" <= char <= "\udfff")


def _by_name(pairs: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
