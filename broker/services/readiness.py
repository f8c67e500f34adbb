"""Say whether an account's sends are taken now, and if not, why: as the door would."""

from broker.domain.message import Priority
from broker.errors import Busy
from broker.keyspace.flows import flow
from broker.keyspace.pressure import LATELY_S, Pressure
from broker.services.backlog import queue_of


class Readiness:
    """Looks at what this process's door looks at. For the loop."""

    def __init__(self, pressure: Pressure) -> None:
        self._pressure = pressure

    async def why_not(self, account: str) -> str:
        """Return why an account's sends are not taken, or those of a priority; empty where all of them are."""
        if not await self._pressure.is_seen():
            return f"Redis was not seen for {LATELY_S:g} s"
        reasons: dict[Priority, str] = {}
        for priority in Priority:
            try:
                self._pressure.check(queue_of(priority), flow(account, priority))
            except Busy as error:
                reasons[priority] = error.detail
        texts = set(reasons.values())
        if len(reasons) == len(Priority) and len(texts) == 1:
            return texts.pop()
        return "; ".join(f"priority {priority}: {reason}" for priority, reason in reasons.items())


def unusable(dialect: str, *, has_password: bool, has_keys: bool) -> str:
    """Return why an account cannot use an API whatever waits; empty where it can."""
    if has_password or (dialect == "native" and has_keys):
        return ""
    return "it has neither an API key nor a password" if dialect == "native" else "it has no password"
