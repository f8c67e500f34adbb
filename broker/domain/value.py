"""Values that are made for every message, and so must be made fast."""

import dataclasses
import inspect
from collections.abc import Collection
from dataclasses import MISSING, Field
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

import msgspec

if TYPE_CHECKING:
    from dataclasses import replace as replace  # noqa: PLC0414, TID251  # the checker knows what there is to change
else:

    def replace(one: Any, **changes: Any) -> Any:
        """Return a copy of a value, or of a dataclass, with some of it changed."""
        if isinstance(one, msgspec.Struct):
            return msgspec.structs.replace(one, **changes)
        return dataclasses.replace(one, **changes)  # noqa: TID251


T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def value(cls: type[T]) -> type[T]:
    """Make a class of values: slots, named arguments, equality, a hash; in JSON, what has its default is left out.

    It becomes one of msgspec's structures. Dataclasses take four times as long to make, and for the values of one send
    that was an eighth of the ingress's work. Of `field`, it knows the defaults and `repr`.
    """
    kinds = inspect.get_annotations(cls)
    known = {name: vars(cls)[name] for name in kinds if name in vars(cls)}
    own = {name: it for name, it in vars(cls).items() if name not in {*known, "__dict__", "__weakref__"}}
    hidden = {name for name, it in known.items() if isinstance(it, Field) and not it.repr}
    if hidden:
        own["__repr__"] = _repr([name for name in kinds if name not in hidden])
    fields = [(name, kind, _default(known.get(name, MISSING))) for name, kind in kinds.items()]
    return msgspec.defstruct(  # type: ignore[return-value]
        cls.__name__,
        fields,
        namespace=own,
        module=cls.__module__,
        frozen=True,
        kw_only=True,
        omit_defaults=True,
    )


def _default(given: Any) -> Any:
    """Return a default as msgspec takes it."""
    if given is MISSING:
        return msgspec.field()
    if not isinstance(given, Field):
        return msgspec.field(default=given)
    if given.default_factory is not MISSING:
        return msgspec.field(default_factory=given.default_factory)
    return _default(given.default)


def _repr(shown: Collection[str]) -> Any:
    """Return the representation of values that hide something."""

    def __repr__(self: Any) -> str:  # noqa: N807
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__name__}({told})"

    return __repr__
