"""Run one worker: `python -m workers.main --queues submit.high,submit,events`."""

import argparse
import os
import socket
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Start Celery's worker with the flags that our promises need."""
    parser = argparse.ArgumentParser(prog="workers.main", description=__doc__)
    parser.add_argument("--queues", default="submit.high,submit,events,media,callbacks,sweeps")
    parser.add_argument("--name", default=f"worker-{os.getpid()}")
    options = parser.parse_args(argv)

    from workers.app import app, settings  # noqa: PLC0415  # the settings are read here, after --help

    # Not by `worker_main`, which parses a command line: for that Celery loads every command that it and Flower have.
    worker = app.Worker(
        pool="threads",
        concurrency=settings.worker_threads,
        queues=options.queues,
        hostname=f"{options.name}@{socket.gethostname()}",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        task_events=True,
        loglevel=settings.log_level,
    )
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
