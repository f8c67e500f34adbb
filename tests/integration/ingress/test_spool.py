"""The spool on a real disk, over many processes' lives."""

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from broker.dispatch import Queue
from broker.errors import AdmissionError
from broker.ingress.spool import Spool
from broker.keyspace import keys
from broker.keyspace.arrivals import Arrivals
from broker.keyspace.content import Webhook, decode_webhook
from broker.settings import Settings
from tests.redis_server import die_with_parent, free_port

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)

WRITER = """
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from broker.ingress.spool import Spool
from broker.keyspace.content import Webhook

async def main():
    spool = Spool(Path(sys.argv[1]), ThreadPoolExecutor(1))
    for n in range(10**9):
        await spool.append(Webhook(connection="c", body=b"%d" % n, at=datetime.now(UTC)))
        print(n, flush=True)

asyncio.run(main())
"""


def webhook(body: bytes) -> Webhook:
    return Webhook(connection="bandwidth-1", body=body, at=AT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
async def spool(folder: Path) -> AsyncIterator[Spool]:
    with ThreadPoolExecutor(2) as executor:
        one = Spool(folder, executor)
        yield one
        await one.close()


@pytest.fixture
async def arrivals(settings: Settings) -> AsyncIterator[Arrivals]:
    one = Arrivals(settings.redis_url, settings)
    yield one
    await one.close()


def arrived(settings: Settings) -> list[bytes]:
    with redis.Redis.from_url(settings.redis_url) as client:
        digests = client.zrange(keys.fresh(Queue.EVENTS), 0, -1)
        return [decode_webhook(client.get(b"hook:" + digest)).body for digest in digests]


async def test_what_was_appended_is_replayed_in_order_and_the_file_goes(
    spool: Spool, arrivals: Arrivals, settings: Settings, folder: Path
) -> None:
    for n in range(3):
        await spool.append(webhook(b"%d\n" % n))
    assert spool.waits()
    assert await spool.replay(arrivals) == 3
    assert arrived(settings) == [b"0\n", b"1\n", b"2\n"]
    assert not spool.waits()


async def test_webhooks_that_wait_together_share_one_file(spool: Spool, folder: Path) -> None:
    await asyncio.gather(*(spool.append(webhook(b"%d" % n)) for n in range(50)))
    (file,) = folder.iterdir()
    assert file.read_bytes().count(b"\n") == 50


async def test_half_a_last_line_is_passed_over(
    spool: Spool, arrivals: Arrivals, settings: Settings, folder: Path
) -> None:
    await spool.append(webhook(b"whole"))
    await spool.append(webhook(b"half"))
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-10])
    assert await spool.replay(arrivals) == 1
    assert arrived(settings) == [b"whole"]


async def test_a_file_that_a_living_process_writes_is_left_alone(
    spool: Spool, arrivals: Arrivals, folder: Path
) -> None:
    await spool.append(webhook(b"mine"))
    with ThreadPoolExecutor(1) as executor:
        assert await Spool(folder, executor).replay(arrivals) == 0
    assert spool.waits()


async def test_while_redis_is_away_the_file_stays(spool: Spool, settings: Settings, folder: Path) -> None:
    await spool.append(webhook(b"kept"))
    nowhere = Arrivals(f"redis://127.0.0.1:{free_port()}", settings)
    with pytest.raises(AdmissionError):
        await spool.replay(nowhere)
    assert spool.waits()


async def test_after_a_replay_a_new_file_is_begun(
    spool: Spool, arrivals: Arrivals, settings: Settings
) -> None:
    await spool.append(webhook(b"1"))
    await spool.replay(arrivals)
    await spool.append(webhook(b"2"))
    await spool.replay(arrivals)
    assert arrived(settings) == [b"1", b"2"]


async def test_a_webhook_is_kept_once_its_line_was_synced_and_never_beside_one_that_could_not_be(
    folder: Path, arrivals: Arrivals, settings: Settings
) -> None:
    synced: list[int] = []

    def sync(handle: int) -> None:
        length = os.fstat(handle).st_size
        if len(synced) == 2:
            synced.append(-1)
            raise OSError(errno.EIO, "the disk says no more")
        os.fdatasync(handle)
        synced.append(length)

    with ThreadPoolExecutor(1) as executor:
        spool = Spool(folder, executor, sync=sync)
        for body in (b"1", b"2"):
            before = len(synced)
            await spool.append(webhook(body))
            (file,) = folder.iterdir()
            assert synced[before:] == [file.stat().st_size], "the whole line, before it is acknowledged"
        with pytest.raises(OSError, match="no more"):
            await spool.append(webhook(b"3"))
        await spool.append(webhook(b"4"))
        assert len(list(folder.iterdir())) == 2, "what could not be synced is not added to"
        await spool.close()
        await Spool(folder, executor).replay(arrivals)
    assert [body for body in arrived(settings) if body != b"3"] == [b"1", b"2", b"4"]


async def test_a_disk_that_refuses_is_said(folder: Path) -> None:
    folder.write_text("no folder")
    with ThreadPoolExecutor(1) as executor, pytest.raises(FileExistsError):
        await Spool(folder, executor).append(webhook(b"1"))


FILLER = """
import asyncio, os, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from broker.ingress.spool import Spool
from broker.keyspace.content import Webhook

async def main():
    if sys.argv[3] == "nobody" and os.getuid() == 0:
        os.setgroups([])
        os.setuid(65534)
    spool = Spool(Path(sys.argv[1]), ThreadPoolExecutor(1))
    for n in range(int(sys.argv[2])):
        try:
            await spool.append(Webhook(connection="c", body=b"%d" % n + b"." * (n % 7 * 100), at=datetime.now(UTC)))
            print(n, "kept", flush=True)
        except OSError as error:
            print(n, type(error).__name__, flush=True)
    await spool.close()

asyncio.run(main())
"""


def fill(
    folder: Path, count: int, prepare: Callable[[], None] | None = None, *, who: str = "me"
) -> list[list[str]]:
    """Append webhooks in another process; return for each its number, and "kept" or the error."""
    filler = subprocess.run(
        [sys.executable, "-c", FILLER, str(folder), str(count), who],
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=prepare,
    )
    return [line.split() for line in filler.stdout.decode().splitlines()]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    yield place
    subprocess.run(["umount", place], check=True)


async def test_a_full_disk_refuses_what_it_cannot_hold_and_loses_nothing_that_it_took(
    small_disk: Path, arrivals: Arrivals, settings: Settings
) -> None:
    told = fill(small_disk / "spool", 400)
    kept = [number for number, how in told if how == "kept"]
    assert {how for _, how in told} == {"kept", "OSError"}
    assert len(list((small_disk / "spool").iterdir())) == 1, "a full disk is not filled with files"
    with ThreadPoolExecutor(1) as executor:
        assert await Spool(small_disk / "spool", executor).replay(arrivals) == len(kept)
    assert [body.partition(b".")[0].decode() for body in arrived(settings)] == kept
    assert list((small_disk / "spool").iterdir()) == []
    assert [how for _, how in fill(small_disk / "spool", 3)] == ["kept"] * 3, "it goes on once there is room"


async def test_a_limit_on_the_size_of_files_tears_no_line(
    folder: Path, arrivals: Arrivals, settings: Settings
) -> None:
    told = fill(folder, 200, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)))
    kept = [number for number, how in told if how == "kept"]
    assert 0 < len(kept) < len(told)
    with ThreadPoolExecutor(1) as executor:
        assert await Spool(folder, executor).replay(arrivals) == len(kept)
    assert [body.partition(b".")[0].decode() for body in arrived(settings)] == kept


async def test_once_there_is_room_again_no_line_is_added_to_a_torn_one(
    spool: Spool, folder: Path, arrivals: Arrivals, settings: Settings
) -> None:
    await spool.append(webhook(b"1"))
    (file,) = folder.iterdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="part"):
            await spool.append(webhook(b"2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await spool.append(webhook(b"3"))
    await spool.replay(arrivals)
    assert arrived(settings) == [b"1", b"3"]


async def test_a_folder_that_may_not_be_written_is_said() -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o555)
        assert fill(place, 2, who="nobody") == [["0", "PermissionError"], ["1", "PermissionError"]]
        place.chmod(0o755)


async def test_a_file_that_cannot_be_read_holds_up_no_other(
    spool: Spool, arrivals: Arrivals, settings: Settings, folder: Path
) -> None:
    folder.mkdir()
    (folder / "0000-not-a-file.spool").mkdir()
    await spool.append(webhook(b"behind it"))
    assert await spool.replay(arrivals) == 1
    assert arrived(settings) == [b"behind it"]


async def test_a_line_that_is_damaged_costs_only_itself(
    spool: Spool, arrivals: Arrivals, settings: Settings, folder: Path
) -> None:
    for n in range(3):
        await spool.append(webhook(b"%d" % n))
    (file,) = folder.iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(lines[0] + b"\xff" + lines[1] + lines[2])
    assert await spool.replay(arrivals) == 2
    assert arrived(settings) == [b"0", b"2"]


@pytest.mark.flaky_prone
async def test_what_a_killed_process_had_acknowledged_is_replayed(
    spool: Spool, arrivals: Arrivals, settings: Settings, folder: Path
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
    )
    assert writer.stdout is not None
    for _ in range(50):
        writer.stdout.readline()
    assert await spool.replay(arrivals) == 0  # it lives, and holds its lock
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read().split()
    writer.wait()
    writer.stdout.close()
    acknowledged = int(rest[-1]) + 1 if rest else 50
    assert await spool.replay(arrivals) >= acknowledged
    assert arrived(settings)[:acknowledged] == [b"%d" % n for n in range(acknowledged)]
