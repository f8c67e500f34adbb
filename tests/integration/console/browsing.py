"""A console served from a thread, and a browser to look at it with."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

from selenium import webdriver

from broker.ingress.serving import serving
from broker.settings import Settings

T = TypeVar("T")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@contextmanager
def held(opening: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Open something on a loop of a thread's own for a while, and yield what it gives."""
    ready, given, ends = threading.Event(), [], []

    async def hold() -> None:
        end = asyncio.Event()
        ends.append((asyncio.get_running_loop(), end))
        async with opening() as one:
            given.append(one)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    assert ready.wait(60)
    try:
        yield given[0]
    finally:
        loop, end = ends[0]
        loop.call_soon_threadsafe(end.set)
        thread.join(60)


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serve an ingress for a while, and yield its address."""
    with held(lambda: serving(settings)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def looking(size: str = "1360,900") -> Iterator[webdriver.Chrome]:
    """Open a browser without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={size}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    one = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    one.set_page_load_timeout(60)
    try:
        yield one
    finally:
        one.quit()
