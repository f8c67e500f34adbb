"""People who watch and run the broker."""

from dataclasses import dataclass
from enum import StrEnum

from broker.errors import NotPermitted


class ForAdministrators(NotPermitted):
    """Only operators of a certain role may do it."""


class Role(StrEnum):
    """What a person may do: look, read texts and pictures too, act on messages and queues, or all of it."""

    VIEWER = "viewer"
    CONTENT = "content"
    OPERATOR = "operator"
    ADMIN = "admin"


_MAY = {
    Role.VIEWER: {Role.VIEWER},
    Role.CONTENT: {Role.VIEWER, Role.CONTENT},
    Role.OPERATOR: {Role.VIEWER, Role.OPERATOR},
    Role.ADMIN: set(Role),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One person."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Say whether the person may do what takes this role."""
        return role in _MAY[self.role]
