"""Task events that threads say while others are sent are sent too."""

from typing import Any

from celery import Celery

from workers.events import Events


class Producer:
    """Takes what is published, and hears more said meanwhile."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.meanwhile: list[str] = []
        self.dispatcher: Any = None
        self.fails = False

    def publish(self, events: list[Any], **_: Any) -> None:
        for uuid in self.meanwhile:
            self.dispatcher.send("task-succeeded", uuid=uuid)
        self.meanwhile = []
        if self.fails:
            raise ConnectionError
        self.sent += [event["uuid"] for event in events]


def dispatching() -> tuple[Any, Producer]:
    app, producer = Celery(broker="memory://", events=Events), Producer()
    dispatcher = app.events.Dispatcher(enabled=False, buffer_group=["task"])
    dispatcher.enabled, dispatcher.producer, producer.dispatcher = True, producer, dispatcher
    return dispatcher, producer


def test_what_is_said_while_events_are_sent_is_sent_the_next_time() -> None:
    dispatcher, producer = dispatching()
    dispatcher.send("task-received", uuid="1")
    producer.meanwhile = ["2", "3"]
    dispatcher.flush()
    assert producer.sent == ["1"]
    dispatcher.flush()
    assert producer.sent == ["1", "2", "3"]
    dispatcher.flush()
    assert producer.sent == ["1", "2", "3"]


def test_what_could_not_be_sent_is_sent_when_redis_is_back() -> None:
    dispatcher, producer = dispatching()
    dispatcher.send("task-received", uuid="1")
    producer.fails = True
    dispatcher.flush()
    producer.fails = False
    dispatcher.send("task-started", uuid="2")
    dispatcher.flush()
    assert sorted(producer.sent) == ["1", "2"]
