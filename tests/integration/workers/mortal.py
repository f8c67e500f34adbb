"""A worker process that anybody may kill, and who puts another in its place."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from broker.settings import Settings
from tests.redis_server import die_with_parent

QUICK = {
    "BROKER_WORKER_THREADS": "2",
    "BROKER_PUT_BACK_S": "0.05",
    "BROKER_MEDIA_TIMEOUT_S": "1.5",
    "BROKER_CALLBACK_TIMEOUT_S": "0.5",
}
"""Settings that make leases short: what a dead worker held is free again after twice these."""


class Mortal:
    """One worker of some queues, started at once; `deaths` are the ways in which it ended before it was told to."""

    def __init__(self, settings: Settings, *, queues: str, folder: Path) -> None:
        self._log = (folder / "worker.log").open("wb")
        self._command = [sys.executable, "-m", "workers.main", "--queues", queues]
        self._env = {
            **os.environ,
            **QUICK,
            "BROKER_DATA_DIR": str(settings.data_dir),
            "BROKER_REDIS_URL": settings.redis_url,
            "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BROKER_EGRESS_ALLOW": json.dumps(settings.egress_allow),
        }
        self.deaths: list[int] = []
        self._process = self._start()

    def kill(self) -> None:
        """Kill it at once."""
        process = self._process  # another may stand there before this one is gone
        process.send_signal(signal.SIGKILL)
        process.wait()

    def mend(self) -> None:
        """Start another where it has died."""
        if (ended := self._process.poll()) is not None:
            self.deaths.append(ended)
            self._process = self._start()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            self._command,
            env=self._env,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
        )
