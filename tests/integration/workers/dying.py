"""A worker process that is killed whenever a statement carries the word that it cannot bear."""

import os
import signal
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from broker.dispatch import Queue
from broker.runtime import Runtime
from broker.services import submit
from broker.settings import Settings


def main(word: str) -> None:
    """Take until nothing waits, or die."""

    @event.listens_for(Engine, "before_cursor_execute")
    def _bear(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        if word in repr(parameters):
            os.kill(os.getpid(), signal.SIGKILL)

    runtime = Runtime.open(Settings.load())
    while runtime.ready.waiting(Queue.SUBMIT) + runtime.ready.fresh(Queue.SUBMIT):
        submit.take(runtime, Queue.SUBMIT)
    runtime.close()


if __name__ == "__main__":
    main(sys.argv[1])
