"""Say what customers are owed when messages move."""

from collections.abc import Collection, Sequence

from broker.dialects import DIALECTS
from broker.dialects.base import Dialect
from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.account import CallbackPlan
from broker.domain.callback import NEWS, Telling
from broker.domain.status import Status, advance
from broker.keyspace.schedule import Schedule
from broker.services.backlog import repaired_later
from broker.settings import Settings
from broker.storage import callbacks
from broker.storage.callbacks import Owing
from broker.storage.database import Sql
from broker.storage.messages import Fresh, Moved

_NOBODY = CallbackPlan()


def owe(sql: Sql, moved: Sequence[Moved], known: Snapshot, *, now_ms: int, settings: Settings) -> bool:
    """Enter callbacks for moves whose account or message has a callback URL; say whether any is due now.

    An arrival is told once its media is here or lost; its text alone when that takes too long.
    """
    hold_ms = round(settings.media_text_hold_s * 1000)
    tellings: dict[str, Telling] = {}
    owing = []
    for item in moved:
        plan = known.callbacks.get(item.account, _NOBODY)
        url = item.callback_url or plan.url
        if plan.dialect not in tellings:
            tellings[plan.dialect] = _dialect_of(plan).configured(settings).telling
        news = NEWS if item.callback_url else tellings[plan.dialect].news
        if url and item.after in news:
            due_at = now_ms + hold_ms if item.after is Status.FETCHING else now_ms
            owing.append(_owing(item, url, due_at, settings))
    callbacks.owe(sql, owing)
    return any(item.due_at <= now_ms for item in owing)


def telling_of(plan: CallbackPlan | None) -> Telling:
    """Return how an account is told; of what, the settings may say otherwise."""
    return _dialect_of(plan or _NOBODY).telling


def _dialect_of(plan: CallbackPlan) -> Dialect:
    return DIALECTS.get(plan.dialect, DIALECTS["native"])


def tell_soon(schedule: Schedule, *, owed: bool) -> None:
    """Ring for what is owed now that it is committed; a sweep finds it where nobody hears."""
    if owed:
        with repaired_later():
            schedule.ring(Queue.CALLBACKS)


def begun(fresh: Sequence[Fresh], added: Collection[str]) -> list[Moved]:
    """Return what happened at once to those new messages that were added."""
    moved = []
    for item in fresh:
        message = item.message
        after = None if item.event is None else advance(message.status, item.event)
        if item.event is not None and after is not None and message.id in added:
            one = Moved(
                id=message.id,
                event=item.event,
                before=message.status,
                after=after,
                at=message.created_at,
                account=message.account,
                callback_url=message.callback_url,
                detail=item.detail,
                connection=item.connection or message.connection,
                is_mms=message.is_mms,
            )
            moved.append(one)
    return moved


def _owing(item: Moved, url: str, due_at: int, settings: Settings) -> Owing:
    return Owing(
        message_id=item.id,
        account=item.account,
        status=item.after,
        at=item.at,
        url=url,
        due_at=due_at,
        ends_at=due_at + round(settings.callback_for_s * 1000),
        detail=item.detail,
    )
