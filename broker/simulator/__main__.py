"""Run the simulator until it is told to stop."""

import argparse
import asyncio
import gc
import signal
from collections.abc import Sequence
from pathlib import Path

import uvloop

from broker.simulator.options import Options
from broker.simulator.simulator import Simulator


def read(arguments: Sequence[str] | None = None) -> Options:
    """Return the options that the command line asks for."""
    plain = Options()
    parser = argparse.ArgumentParser(prog="broker.simulator", description="A make-believe Bandwidth.")
    add = parser.add_argument
    add("--host", default=plain.host)
    add("--port", type=int, default=plain.port, help="0: any that is free")
    add("--account-id", default=plain.account_id)
    add("--application-id", default="", help="refuse creates of any other; empty: take all")
    add("--client-id", default=plain.client_id)
    add("--client-secret", action="append", default=None, help="may be given several times")
    add("--username", default="", help="Basic credentials that open the account too")
    add("--password", default="")
    add("--token-life-s", type=int, default=plain.token_life_s)
    add("--public-url", default="", help="how others reach the media store; empty: host and port")
    add("--webhook-url", action="append", default=None, help="several are served in turn")
    add("--webhook-user", default="")
    add("--webhook-password", default="")
    add("--webhook-concurrency", type=int, default=plain.webhook_concurrency)
    add("--webhook-events", type=int, default=plain.webhook_events, help="most events of one webhook")
    add("--event-delay-ms", type=float, default=plain.event_delay_ms)
    add("--journal", type=Path, default=None, help="file that gets every create before it is answered")
    add("--ready-file", type=Path, default=None, help="file that gets the address once it listens")
    given = vars(parser.parse_args(arguments))
    secrets = given.pop("client_secret")
    urls = filter(None, given.pop("webhook_url") or ())
    return Options(
        user=given.pop("username"),
        client_secrets=tuple(secrets) if secrets else plain.client_secrets,
        webhook_urls=tuple(urls),
        **given,
    )


async def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    simulator = Simulator(options)
    print(await simulator.start(), flush=True)  # noqa: T201  (the address is this program's output)
    await stop.wait()
    await simulator.stop()


if __name__ == "__main__":
    # The journal is a heap of long-lived objects: collecting at the usual pace would be half of the CPU.
    gc.set_threshold(50_000, 50, 50)
    uvloop.run(run(read()))
