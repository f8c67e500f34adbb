"""A supervisor in a process of its own, for tests: `keeper.py LOGS PROGRAMS`, the programs as JSON.

A program with `ready` does its work once that file exists.
"""

# ruff: noqa: T201  (what it prints is what the tests read)

import json
import sys
from pathlib import Path

from broker.cli.child import Program
from broker.cli.signals import Signals
from broker.cli.supervisor import StartFailed, Stopped, Supervisor


def tell(supervisor: Supervisor) -> None:
    """Print who runs now."""
    print(json.dumps(supervisor.processes()), flush=True)


def main() -> int:
    """Keep the programs running until told to end."""
    programs = [
        Program(
            role=row["name"],
            name=row["name"],
            argv=tuple(row["argv"]),
            entry=row.get("entry", ""),
            env=row.get("env", {}),
            rank=row.get("rank", 0),
            ready=Path(row["ready"]).exists if "ready" in row else None,
        )
        for row in json.loads(sys.argv[2])
    ]
    with Signals() as signals:
        supervisor = Supervisor(
            logs=Path(sys.argv[1]),
            signals=signals,
            say=lambda text: print(f"# {text}", flush=True),
            restarted=tell,
        )
        try:
            supervisor.start(*programs)
            supervisor.await_ready(within_s=30)
            tell(supervisor)
            supervisor.run()
        except Stopped:
            return 0
        except StartFailed as error:
            print(f"# {error}", flush=True)
            return 1
        finally:
            supervisor.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
