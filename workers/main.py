"""Run one worker: `python -m workers.main --queues submit.high,submit,events`."""

import argparse
import os
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Start Celery's worker with the flags that our promises need."""
    parser = argparse.ArgumentParser(prog="workers.main", description=__doc__)
    parser.add_argument("--queues", default="submit.high,submit,events,media,callbacks,sweeps")
    parser.add_argument("--name", default=f"worker-{os.getpid()}")
    options = parser.parse_args(argv)

    from workers.app import app, settings  # noqa: PLC0415  # the settings are read here, after --help

    app.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={settings.worker_threads}",
            f"--queues={options.queues}",
            f"--hostname={options.name}@%h",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--task-events",
            f"--loglevel={settings.log_level}",
        ]
    )


if __name__ == "__main__":
    main()
