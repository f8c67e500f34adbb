"""What must wait because it would reach somebody in quiet hours."""

from collections.abc import Iterable
from datetime import datetime

from broker.directory import Snapshot
from broker.domain import quiet
from broker.domain.account import Account
from broker.domain.message import Message, Priority
from broker.domain.validity import Span
from broker.errors import ValidityOver
from broker.services.lanes import leader_of


def held(messages: Iterable[Message], known: Snapshot, now: datetime) -> dict[str, datetime]:
    """Return until when which messages must wait; a group waits until nobody in it is disturbed.

    Urgent messages do not wait: who asks for a code at night wants it at night. What would wait for longer than it is
    valid waits until it expires.
    """
    if not known.quiet:
        return {}
    groups: dict[str, list[Message]] = {}
    for message in messages:
        if message.account in known.quiet and message.priority is not Priority.HIGH:
            groups.setdefault(leader_of(message), []).append(message)
    found: dict[str, datetime] = {}
    for members in groups.values():
        first = members[0]
        start = now if first.send_at is None else max(now, first.send_at)
        until = quiet.leaves_at(known.quiet[first.account], [one.recipient for one in members], start)
        if until is None or until > start:
            end = first.valid_until if until is None else min(until, first.valid_until)
            found.update((one.id, end) for one in members)
    return found


def permit(
    account: Account, recipients: Iterable[str], priority: Priority, when: Span, now: datetime
) -> None:
    """Return if messages may leave before their validity is over.

    Raises:
        ValidityOver: by then the quiet hours of a recipient are not.
    """
    if account.quiet_hours is None or priority is Priority.HIGH:
        return
    for recipient in recipients:
        until = quiet.leaves_at(account.quiet_hours, [recipient], when.send_at or now)
        if until is None or until >= when.valid_until:
            ends = "do not end" if until is None else f"end at {until:%Y-%m-%dT%H:%M:%SZ}"
            raise ValidityOver(
                f"is over before the quiet hours {account.quiet_hours} of a recipient {ends}",
                pointer="/valid_until",
            )
