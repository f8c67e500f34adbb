"""Operators: who may sign in, and as what."""

from sqlalchemy import Connection, select

from broker.domain.operator import Operator, Role
from broker.storage.tables import operators


def find(connection: Connection, name: str) -> tuple[Operator, str] | None:
    """Return an operator with the hash of the password."""
    row = connection.execute(select(operators).where(operators.c.name == name)).mappings().first()
    if row is None:
        return None
    return Operator(name=row["name"], role=Role(row["role"])), row["password_hash"]


def every(connection: Connection) -> list[Operator]:
    """Return all operators by name."""
    rows = connection.execute(select(operators.c.name, operators.c.role).order_by(operators.c.name))
    return [Operator(name=row.name, role=Role(row.role)) for row in rows]
