"""Media and callbacks that kill their workers are set aside after three of them, and come back when somebody says so.

The workers are processes, and are killed by whoever they visit: the host of the part, the customer's server.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from broker.dispatch import Queue
from broker.domain.dead import DIED, SET_ASIDE, TRIES, Kind, Letter, Standing
from broker.domain.message import Direction, Message, Part, PartState
from broker.domain.status import Event, Status
from broker.keyspace import keys
from broker.services import media, submit, sweep
from broker.storage import messages, parts
from broker.storage.messages import Fresh
from tests.acceptance.flows import pictures
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World, new_message
from tests.integration.workers.mortal import Mortal
from tests.integration.workers.test_poison import letters, settle
from tests.sink import Reply, Sink

NAME = "bandwidth-1"
GOOD, DEADLY = "/good.jpg", "/deadly.jpg"


class Ground:
    """A world with one worker, and a server beside it that kills the worker whenever it comes for the wrong thing."""

    def __init__(self, world: World, host: Sink, worker: Mortal) -> None:
        self.world = world
        self.host = host
        self.worker = worker
        self.is_deadly = True
        host.answer = self._answer

    def _answer(self, path: str, _before: int) -> Reply:
        if path == DEADLY and self.is_deadly:
            self.worker.kill()
        return Reply(headers={"Content-Type": "image/jpeg"}, body=pictures.jpeg())

    def asked(self, path: str) -> int:
        """Return how often a worker came for something."""
        return sum(one.path == path for one in self.host.told)

    def work(self) -> None:
        """Replace the worker if it died, and do what the others do meanwhile."""
        self.worker.mend()
        sweep.sweep(self.world.runtime)
        submit.take(self.world.runtime, Queue.SUBMIT)
        time.sleep(0.1)

    def until_parked(self) -> Letter:
        """Work until something is set aside that killed three workers, and return the letter that names it."""
        until(lambda: self.work() or letters(self.world), within_s=240)
        assert self.worker.deaths == [-signal.SIGKILL] * TRIES
        assert self.asked(DEADLY) == TRIES, "it was not tried a fourth time"
        (letter,) = letters(self.world)
        assert (letter.tries, letter.error, letter.account) == (TRIES, DIED, "acme")
        return letter

    def put_back(self, letter: Letter, question: Callable[[], object]) -> None:
        """Put it back when it does no harm any more, and work until something is so."""
        self.is_deadly = False
        assert settle(self.world, Standing.PUT_BACK, id=letter.subject) == 1
        until(lambda: self.work() or question(), within_s=120)
        (left,) = letters(self.world, Standing.PUT_BACK)
        assert (left.subject, left.settled_by, left.reason) == (letter.subject, "oscar", "it was asked for")
        assert letters(self.world) == []
        assert len(self.worker.deaths) == TRIES

    def status(self, message: str) -> Status:
        """Return the status of a message."""
        return self.world.status(message)


@pytest.fixture
def host() -> Iterator[Sink]:
    one = Sink()
    yield one
    one.close()


@pytest.fixture
def open_ground(
    open_world: Callable[..., World], carrier: Carrier, host: Sink, tmp_path: Path
) -> Iterator[Callable[[str], Ground]]:
    workers: list[Mortal] = []

    def start(queues: str) -> Ground:
        world = open_world(egress_allow=(host.authority,))
        world.provision(carrier, media_hosts=[host.authority])
        workers.append(Mortal(world.settings, queues=queues, folder=tmp_path))
        return Ground(world, host, workers[0])

    yield start
    for worker in workers:
        worker.end()


def arrive(world: World, url: str) -> str:
    """Record an arrival with a part at a URL, and return its id."""
    message: Message = new_message(
        direction=Direction.IN,
        status=Status.RECEIVED,
        connection=NAME,
        parts=(Part(index=1, url=url),),
    )
    fresh = [Fresh(message=message, event=Event.FETCH, due_at=0)]
    world.runtime.database.write(lambda sql: messages.add(sql, fresh))
    return message.id


def part_of(world: World, message: str) -> Part:
    (part,) = world.record(message).message.parts
    return part


@pytest.mark.flaky_prone
@pytest.mark.timeout(400)
def test_an_arrival_whose_media_kills_its_workers_is_set_aside_and_fetched_when_it_is_put_back(
    open_ground: Callable[[str], Ground],
) -> None:
    ground = open_ground(Queue.MEDIA)
    world = ground.world
    bad, good = (arrive(world, ground.host.url(path)) for path in (DEADLY, GOOD))

    letter = ground.until_parked()

    assert (letter.kind, letter.subject, letter.connection) == (Kind.MEDIA, bad, NAME)
    assert ground.status(bad) is Status.FETCHING
    assert part_of(world, bad).state is PartState.PENDING
    assert [event.detail for event in world.record(bad).events if event.type == "park"] == [SET_ASIDE]
    assert world.redis.hgetall(keys.taken(Queue.MEDIA)).keys() <= {good}
    until(lambda: ground.work() or ground.status(good) is Status.READY, within_s=120)

    ground.put_back(letter, lambda: ground.status(bad) is Status.READY)

    kept = part_of(world, bad)
    assert kept.state is PartState.STORED
    assert Path(kept.path or "").read_bytes() == pictures.jpeg()


@pytest.mark.flaky_prone
@pytest.mark.timeout(400)
def test_a_send_whose_media_kills_its_workers_is_set_aside_and_goes_out_when_it_is_put_back(
    open_ground: Callable[[str], Ground], carrier: Carrier
) -> None:
    ground = open_ground(Queue.MEDIA)
    world = ground.world
    (bad,), (good,) = (
        world.admit(parts=(Part(index=1, url=ground.host.url(path)),)) for path in (DEADLY, GOOD)
    )

    letter = ground.until_parked()

    assert (letter.kind, letter.subject) == (Kind.MEDIA, bad)
    assert ground.status(bad) is Status.PREPARING
    until(lambda: ground.work() or ground.status(good) is Status.SUBMITTED, within_s=120)
    assert carrier.tags() == [f"{good}.1"]

    ground.put_back(letter, lambda: ground.status(bad) is Status.SUBMITTED)

    assert carrier.tags() == [f"{good}.1", f"{bad}.1"]


def standing(world: World) -> dict[str, tuple[str, str]]:
    """Return of each callback its state and what was last wrong with it."""
    rows: list[Any] = world.runtime.database.read(
        lambda sql: list(sql.execute(text("SELECT id, state, error FROM callbacks")))
    )
    return {row.id: (row.state, row.error) for row in rows}


@pytest.mark.flaky_prone
@pytest.mark.timeout(400)
def test_a_callback_that_kills_its_workers_is_given_up_and_told_when_it_is_put_back(
    open_ground: Callable[[str], Ground],
) -> None:
    ground = open_ground(Queue.CALLBACKS)
    world = ground.world
    (bad,), (good,) = (world.admit(callback_url=ground.host.url(path)) for path in (DEADLY, GOOD))

    letter = ground.until_parked()

    assert (letter.kind, letter.subject) == (Kind.CALLBACK, f"{bad}_submitted")
    assert standing(world)[letter.subject] == ("given_up", f"set aside: {DIED}")
    assert until(lambda: world.redis.hget(keys.figures(), "given_up")) == "1"
    until(lambda: ground.work() or standing(world)[f"{good}_submitted"][0] == "told", within_s=120)

    ground.put_back(letter, lambda: standing(world)[letter.subject][0] == "told")

    told = [one for one in ground.host.told if one.path == DEADLY]
    assert [one.id for one in told] == [letter.subject] * (TRIES + 1)


def test_a_second_copy_of_media_that_somebody_fetches_is_no_try_of_it(world: World) -> None:
    one = arrive(world, "http://127.0.0.1:9/a.jpg")
    now_ms = world.runtime.ready.now_ms()
    lease = world.runtime.database.write
    assert lease(lambda sql: parts.lease(sql, [one], now_ms=now_ms, until_ms=now_ms + 60_000)) == [one]
    world.redis.hset(keys.taken(Queue.MEDIA), one, TRIES - 1)  # two workers died of it, the third is at it

    for _ in range(TRIES):
        world.runtime.ready.push(Queue.MEDIA, [one])
        media.take(world.runtime)

    assert world.redis.hgetall(keys.taken(Queue.MEDIA)) == {one: str(TRIES - 1)}
    assert world.redis.hgetall(keys.suspects(Queue.MEDIA)) == {}
    assert letters(world) == []


def test_media_whose_lease_ran_out_before_its_turn_came_is_left_to_who_has_it_now(world: World) -> None:
    one = arrive(world, "http://127.0.0.1:9/a.jpg")
    write, now_ms = world.runtime.database.write, world.runtime.ready.now_ms()
    write(lambda sql: parts.lease(sql, [one], now_ms=now_ms, until_ms=now_ms + 10))
    assert write(lambda sql: parts.renew(sql, [one], now_ms + 20, was_ms=now_ms + 10)) == [one]
    write(lambda sql: parts.lease(sql, [one], now_ms=now_ms + 20, until_ms=now_ms + 30))
    assert write(lambda sql: parts.renew(sql, [one], now_ms + 40, was_ms=now_ms + 20)) == []


def test_media_whose_try_breaks_waits_for_no_lease(world: World) -> None:
    one = arrive(world, "http://127.0.0.1:9/a.jpg")
    kind = "UPDATE parts SET kind = '{}'"
    world.runtime.database.write(lambda sql: sql.execute(text(kind.format("unheard of"))))
    world.runtime.ready.push(Queue.MEDIA, [one])
    with pytest.raises(ValueError, match="unheard of"):
        media.take(world.runtime)

    world.runtime.database.write(lambda sql: sql.execute(text(kind.format("media"))))
    world.runtime.ready.push(Queue.MEDIA, [one])
    media.take(world.runtime)

    assert part_of(world, one).error, "it was tried again at once"
