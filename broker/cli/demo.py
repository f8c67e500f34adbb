"""The demo: a whole stack on embedded defaults, and a scene played on it."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from broker.cli.client import Api, Refused, Unreachable
from broker.cli.demo_account import SENDER
from broker.cli.folder import Folder
from broker.cli.running import NotReady, running
from broker.cli.scene import Scene
from broker.cli.signals import ENDING


def run(data: Path | None, *, once: bool, port: int | None) -> int:
    """Play the scene, stay up unless `once`, and return the exit code.

    Without a folder of its own, `once` uses a temporary one, which stays only when something went wrong.
    """
    temporary = data is None
    folder = Folder(data or Path(tempfile.mkdtemp(prefix="ringpost-demo-")))
    options = () if port is None else ("--port", str(port))
    for number in ENDING:  # SIGINT too: who starts us in the background may have it ignored
        signal.signal(number, _interrupt)
    started = time.monotonic()
    code = 1
    try:
        with running(folder.path, *options) as stack:
            print(f"everything is up after {time.monotonic() - started:.1f} s", flush=True)
            code = _play(folder, started)
            if not once:
                _stay(folder, stack)
    except NotReady as error:
        print(f"demo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print()
    if temporary and code == 0:
        shutil.rmtree(folder.path, ignore_errors=True)
    elif code:
        print(f"demo: what happened is in {folder.logs}", file=sys.stderr)
    return code


def _play(folder: Folder, started: float) -> int:
    simulator = Api(folder.read_endpoints()["simulator"])
    try:
        wrong = Scene(Api.of(folder), simulator).play()
    except (Refused, Unreachable) as error:
        wrong = [str(error)]
    verdict = "all six ended as they should" if not wrong else "; ".join(wrong)
    print(f"\n{verdict} ({time.monotonic() - started:.1f} s since the start)", flush=True)
    return 1 if wrong else 0


def _stay(folder: Folder, stack: subprocess.Popen[bytes]) -> None:
    """Show the way in, and wait for the end."""
    found = folder.read_endpoints()
    key = (folder.path / "client.key").read_text().strip()
    flower = (folder.path / "flower.key").read_text().strip()
    name, _, password = (folder.path / "operator.key").read_text().strip().partition(":")
    body = f'{{"from": "{SENDER}", "to": "+12025550123", "text": "Hello"}}'
    print(f"""
Console     {found["console"]}  (user {name}, password {password})
API         {found["ingress"]}  (reference: {found["ingress"]}/openapi.json)
Flower      {found.get("flower", "not running")}  (user ops, password {flower})
Simulator   {found["simulator"]}/sim/stats
Media       {found["attachments"]}
Key         {key}

Send one yourself:

  curl -sS {found["ingress"]}/v1/messages \\
    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
    -d '{body}'

Then ./run messages ls, ./run tail, ./run doctor. Ctrl-C ends everything.""", flush=True)  # fmt: skip
    stack.wait()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
