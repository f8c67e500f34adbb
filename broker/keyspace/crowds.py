"""How much stands before a message that comes now."""

from collections.abc import Mapping, Sequence
from typing import Any

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.domain.value import value
from broker.keyspace import keys
from broker.keyspace.client import Async
from broker.keyspace.flows import CLASS_TURNS
from broker.keyspace.lanes import Depths

MOST = 1000
"""Most lanes of a connection that are counted: those that are served next."""


@value
class Crowds:
    """Waiting messages: of each lane (connection, sender) those that go before each priority, and of each flow."""

    lanes: Mapping[tuple[str, str], Mapping[Priority, int]]
    flows: Mapping[str, int]


async def look(client: Async, connections: Sequence[str]) -> Crowds:
    """Count what waits in the lanes of some connections, and what of each flow is not on record yet."""
    depths = Depths(client)
    lanes: dict[tuple[str, str], Mapping[Priority, int]] = {}
    for connection in connections:
        for sender in list(await depths.of(connection))[:MOST]:
            lanes[connection, sender] = {one: await depths.ahead(connection, sender, one) for one in Priority}
    found: Any = await client.hgetall(keys.rounds(Queue.SUBMIT))  # type: ignore[misc]  # async client
    rounds = {name.decode(): int(turn) for name, turn in found.items()}
    flows = {
        name: turn - rounds.get(name[0], int(name[0]) * CLASS_TURNS)
        for name, turn in rounds.items()
        if ":" in name
    }
    return Crowds(lanes=lanes, flows=flows)
