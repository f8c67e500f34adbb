"""People who watch and run the broker."""

from dataclasses import dataclass
from enum import StrEnum

from broker.errors import NotPermitted


class ForAdministrators(NotPermitted):
    """Only operators of a certain role may do it."""


class Role(StrEnum):
    """What a person may do: look, act on messages and queues, or change everything. Each may what the former may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One person."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Say whether the person may do what takes at least this role."""
        return _RANK[self.role] >= _RANK[role]
