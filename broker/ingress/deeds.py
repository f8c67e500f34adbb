"""What operators do through the API, in the audit's words."""

from typing import Any

from broker.domain.deed import Deed, Door


def deed(
    operator: str, action: str, *, subject: str | None = None, reason: str = "", details: Any = None
) -> Deed:
    """Return a deed; of its details, the fields of any dataclass or a mapping, those that say something are kept."""
    if details is None:
        known: dict[str, Any] = {}
    elif isinstance(details, dict):
        known = details
    else:
        known = {name: getattr(details, name) for name in details.__slots__}
    told = {name: _text(value) for name, value in known.items() if value is not None}
    return Deed(
        operator=operator, door=Door.API, action=action, subject=subject or "", reason=reason, details=told
    )


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
