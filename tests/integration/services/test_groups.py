"""Takes of group messages."""

import json
from collections.abc import Callable

from broker.dispatch import Queue
from broker.domain.ids import new_id
from broker.domain.message import Message
from broker.domain.status import Status
from broker.runtime import Runtime
from broker.services import submit
from broker.storage import messages
from tests.integration.services.conftest import ACCEPTED, Carrier, admit, outbound


def group(size: int) -> tuple[Message, ...]:
    """Return the messages of one group."""
    ids, batch = [new_id() for _ in range(size)], new_id()
    return tuple(
        outbound(id=one, batch=batch, group=True, members=tuple(ids), recipient=f"+1202555010{n}")
        for n, one in enumerate(ids)
    )


def test_a_group_that_was_put_off_comes_back_whole(
    open_runtime: Callable[..., Runtime], carrier: Carrier
) -> None:
    runtime = open_runtime(retry_first_s=0.4, retry_longest_s=0.4)
    members = group(8)
    admit(runtime.settings, members)
    answers = [(503, {}), ACCEPTED]
    carrier.create = lambda: answers.pop(0)

    submit.take(runtime, Queue.SUBMIT)
    while not runtime.schedule.move_due(Queue.SUBMIT):
        pass
    submit.take(runtime, Queue.SUBMIT)

    found = runtime.database.read(lambda sql: messages.load(sql, [one.id for one in members]))
    assert {one.status for one in found.values()} == {Status.SUBMITTED}
    assert carrier.asked("/messages") == 2, json.dumps(carrier.paths)
