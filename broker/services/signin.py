"""Say which operator a request comes from, and whether that person may do it."""

import asyncio
from functools import partial

from broker.dialects.base import Credentials
from broker.domain.operator import ForAdministrators, Operator, Role
from broker.errors import AuthenticationFailed, Busy
from broker.services.passwords import Passwords
from broker.services.sql import AsyncSql
from broker.storage import operators

PATIENCE_S = 2.0
"""Longest wait for SQL."""


class SignIn:
    """Knows operators by name and password. What SQL says now holds: who was removed is out at once."""

    def __init__(self, sql: AsyncSql, passwords: Passwords) -> None:
        self._sql = sql
        self._passwords = passwords

    async def operator(self, credentials: Credentials, *, needs: Role) -> Operator:
        """Return the operator that the credentials belong to.

        Raises:
            AuthenticationFailed: they are missing or wrong; which is not said.
            ForAdministrators: the operator may not do what takes the role `needs`.
            Busy: SQL is away.
        """
        user, password = credentials.user, credentials.password
        if user is None or password is None:
            raise AuthenticationFailed("credentials are missing or wrong")
        found = await self._find(user)
        hashed = "" if found is None else found[1]
        if not await self._passwords.is_right(f"operator\0{user}", password, hashed) or found is None:
            raise AuthenticationFailed("credentials are missing or wrong")
        operator = found[0]
        if not operator.may(needs):
            raise ForAdministrators(f"this takes the role {needs}")
        return operator

    async def _find(self, name: str) -> tuple[Operator, str] | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._sql.read(partial(operators.find, name=name))
        except TimeoutError as error:
            raise Busy("operators cannot be read now") from error
