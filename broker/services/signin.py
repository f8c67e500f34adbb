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

    async def operator(self, credentials: Credentials, *, needs: Role, peer: str) -> Operator:
        """Return the operator that the credentials belong to; `peer` is the address they come from.

        Raises:
            AuthenticationFailed: they are missing or wrong; which is not said.
            ForAdministrators: the operator may not do what takes the role `needs`.
            TooManyGuesses: too many wrong passwords came from there; this one was not looked at.
            Busy: SQL is away, or too many passwords wait to be looked at.
        """
        operator, _ = await self.checked(credentials, peer=peer)
        if not operator.may(needs):
            raise ForAdministrators(f"this takes the role {needs}")
        return operator

    async def checked(self, credentials: Credentials, *, peer: str) -> tuple[Operator, str]:
        """Return whoever the credentials belong to, with the hash of the password; raises as `operator` does."""
        user, password = credentials.user, credentials.password
        if user is None or password is None:
            raise AuthenticationFailed("credentials are missing or wrong")
        found = await self.find(user)
        hashed = "" if found is None else found[1]
        right = await self._passwords.is_right(f"operator\0{user}", password, hashed, peer=peer)
        if not right or found is None:
            raise AuthenticationFailed("credentials are missing or wrong")
        return found

    async def knows(self, name: str) -> bool:
        """Say whether an operator has this name.

        Raises:
            Busy: SQL is away.
        """
        return await self.find(name) is not None

    async def find(self, name: str) -> tuple[Operator, str] | None:
        """Return an operator with the hash of the password; raises as `knows` does."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._sql.read(partial(operators.find, name=name))
        except TimeoutError as error:
            raise Busy("operators cannot be read now") from error
