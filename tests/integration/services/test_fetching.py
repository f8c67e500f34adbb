"""How long the parts of an arrival are tried for."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.dispatch import Queue
from broker.domain.message import Message, Part, PartState
from broker.domain.status import Event, Status
from broker.runtime import Runtime
from broker.services import media
from broker.storage import messages
from broker.storage.messages import Fresh
from tests.integration.services.conftest import Carrier, outbound


def came(runtime: Runtime, carrier: Carrier, *, hours_ago: int) -> Message:
    """Take a message that came so long ago, with a part at a media store that is out of order."""
    part = Part(index=1, url=f"http://127.0.0.1:{carrier.port}/media/a.jpg")
    message = outbound(
        direction="in",
        status=Status.RECEIVED,
        connection="bandwidth-1",
        created_at=datetime.now(UTC) - timedelta(hours=hours_ago),
        parts=(part,),
    )
    fresh = [Fresh(message=message, event=Event.FETCH, due_at=0)]
    runtime.database.write(lambda sql: messages.add(sql, fresh))
    runtime.ready.push(Queue.MEDIA, [message.id])
    media.take(runtime)
    return runtime.database.read(lambda sql: messages.load(sql, [message.id]))[message.id]


@pytest.mark.parametrize(
    ("hours_ago", "status", "state"),
    [(47, Status.FETCHING, PartState.PENDING), (49, Status.INCOMPLETE, PartState.LOST)],
)
def test_a_part_is_tried_for_as_long_as_the_carrier_keeps_it(
    runtime: Runtime, carrier: Carrier, hours_ago: int, status: Status, state: PartState
) -> None:
    message = came(runtime, carrier, hours_ago=hours_ago)
    assert (message.status, [part.state for part in message.parts]) == (status, [state])
    assert message.parts[0].error
