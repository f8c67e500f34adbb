"""Heed who wants nothing more of a sender: take note of it, and refuse what waits for them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from broker.directory import Snapshot
from broker.domain.address import is_e164
from broker.domain.ids import new_id
from broker.domain.message import Message, Tag
from broker.domain.optout import ANSWER, OPTED_OUT, PEER_OPTED_OUT, Change, Wish, wish_of
from broker.domain.pseudonym import pair_key
from broker.domain.rules import USUAL, Rules
from broker.domain.status import Event
from broker.domain.value import replace
from broker.services.outcome import at
from broker.settings import Settings
from broker.storage import messages, optouts
from broker.storage.database import Sql
from broker.storage.messages import Fresh

MOST_ANSWERS = 3
"""Most automatic answers from a sender to a recipient in a day: whoever answers answers must come to an end."""
VALID = timedelta(days=1)
"""How long an automatic answer may wait for its turn."""


def refused(sql: Sql, waiting: Iterable[Message], known: Snapshot, settings: Settings) -> dict[str, str]:
    """Return why messages must not go out, by their ids; of a group none goes if one must not."""
    secret_key = settings.secret_key.get_secret_value()
    asked = [
        (pair_key(secret_key, one.originator, one.recipient), one)
        for one in waiting
        if known.rules.get(one.account, USUAL).enforced
    ]
    found = optouts.stopped(sql, {key for key, _ in asked}) if asked else set()
    if not found:
        return {}
    answers = optouts.answers(sql, found)
    stopped = [one for key, one in asked if key in found and one.id not in answers]
    peers = {name: PEER_OPTED_OUT for one in stopped for name in one.members}
    return peers | {one.id: OPTED_OUT for one in stopped}


def hear(
    sql: Sql,
    arrived: Sequence[tuple[Message, datetime]],
    known: Snapshot,
    *,
    now_ms: int,
    settings: Settings,
) -> tuple[str, ...]:
    """Take note of what new arrivals ask for, each with the time it was sent; return the ids of automatic answers.

    All in the transaction that records the arrivals, so that whatever is claimed later knows of it.
    """
    answers: list[Message] = []
    for message, sent_at in arrived:
        wish = wish_of(message.text)
        rules = known.rules.get(message.account, USUAL)
        if wish is not None and rules.enforced:
            moment = min(sent_at, at(now_ms))  # nobody's clock may keep a later wish from being heard
            answer = _heed(sql, message, wish, moment, known, rules, now_ms=now_ms, settings=settings)
            answers += [answer] if answer is not None else []
    fresh = [
        Fresh(message=one, event=Event.TAKE, due_at=now_ms, connection=one.connection) for one in answers
    ]
    messages.add(sql, fresh)
    return tuple(one.id for one in answers)


def _heed(
    sql: Sql,
    message: Message,
    wish: Wish,
    moment: datetime,
    known: Snapshot,
    rules: Rules,
    *,
    now_ms: int,
    settings: Settings,
) -> Message | None:
    change = Change(
        wish=wish,
        account=message.account,
        sender=message.recipient,
        recipient=message.originator,
        at=moment,
        who="recipient",
        message_id=message.id,
        text=message.text,
    )
    key = pair_key(settings.secret_key.get_secret_value(), change.sender, change.recipient)
    answer = _answer(message, rules.answers.get(wish), now_ms)
    if answer is not None and not _may_answer(sql, key, change, known, now_ms):
        answer = None
    answer_id = None if answer is None else answer.id
    if wish is not Wish.HELP:
        return answer if optouts.change(sql, key, change, answer=answer_id) else None
    if answer_id is not None:
        optouts.note(sql, key, replace(change, at=at(now_ms)), answer=answer_id)
    return answer


def _may_answer(sql: Sql, key: str, change: Change, known: Snapshot, now_ms: int) -> bool:
    """Say whether there is a person at the other end, as far as we can see."""
    if change.recipient in known.owners or not is_e164(change.recipient):
        return False
    return optouts.answers_since(sql, key, at(now_ms) - timedelta(days=1)) < MOST_ANSWERS


def _answer(message: Message, text: str | None, now_ms: int) -> Message | None:
    if text is None:
        return None
    now = at(now_ms)
    return Message(
        id=new_id(now_ms),
        account=message.account,
        dialect=ANSWER,
        originator=message.recipient,
        recipient=message.originator,
        text=text,
        tags=(Tag(name="answers", value=message.id),),
        connection=message.connection,
        created_at=now,
        valid_until=now + VALID,
    )


def told_by_carrier(
    sql: Sql, refusals: Sequence[tuple[str, str, datetime]], known: Snapshot, settings: Settings
) -> None:
    """Take note of opt-outs that a carrier keeps: refusals of messages, with the carrier's words and time."""
    found = messages.load(sql, {name for name, _, _ in refusals}) if refusals else {}
    secret_key = settings.secret_key.get_secret_value()
    for name, reason, moment in refusals:
        one = found.get(name)
        if one is None or not known.rules.get(one.account, USUAL).enforced:
            continue
        change = Change(
            wish=Wish.STOP,
            account=one.account,
            sender=one.originator,
            recipient=one.recipient,
            at=moment,
            who="carrier",
            reason=reason,
            message_id=one.id,
        )
        optouts.change(sql, pair_key(secret_key, one.originator, one.recipient), change)
