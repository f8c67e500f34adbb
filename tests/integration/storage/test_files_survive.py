"""Files when processes die, disks fill and others look on."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from broker.domain import ids
from broker.storage import files

WRITE = """
import sys
from pathlib import Path
from broker.storage.files import Sink

number = 0
while True:
    number += 1
    with Sink(Path(sys.argv[1])) as sink:
        for _ in range(64):
            sink.write(b"%08d" % number * 512)
        sink.commit(f"1-{number % 20}.bin")
    if number == 5:
        print("going", flush=True)
"""

FILL = """
import resource, sys
from pathlib import Path
from broker.errors import Busy, MediaUnavailable
from broker.storage import files

folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with files.Sink(folder / "message") as sink:
        for _ in range(200):
            sink.write(b"x" * 1000)
        sink.commit("1-big.bin")
except MediaUnavailable as error:
    print(error)
try:
    files.store_upload(folder, "acme", b"x" * 200_000, content_type="image/jpeg", name="a.jpg")
except Busy as error:
    print(error.retry_after_s)
with files.Sink(folder / "message") as sink:
    sink.write(b"y" * 100_000)
    print(sink.commit("2-fits.bin").size)
"""

PIECE, PIECES, FILES = 32 * 1024, 32, 30


def whole(path: Path) -> bool:
    data = path.read_bytes()
    return len(data) == 64 * 512 * 8 and len({data[at : at + 8] for at in range(0, len(data), 8)}) == 1


def test_a_process_killed_while_it_writes_leaves_only_whole_files_and_the_sweep_the_rest(
    tmp_path: Path,
) -> None:
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout
        assert writer.stdout.readline() == "going\n"
        writer.send_signal(signal.SIGKILL)
        writer.communicate()

        finals = [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
        assert len(finals) >= 5
        assert all(whole(path) for path in finals)

    files.sweep_orphans(tmp_path, older_than_s=0, now=9e9)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_leaves_nothing_under_a_final_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.splitlines() == ["cannot be written to disk (EFBIG)", "1", "100000"]
    assert [path.name for path in (tmp_path / "message").iterdir()] == ["2-fits.bin"]
    assert list((tmp_path / "acme").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_file_system_without_room_leaves_nothing_under_a_final_name(tmp_path: Path) -> None:
    script = FILL.replace("resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))", "")
    steps = 'mount -t tmpfs -o size=150k none "$1" && "$2" -c "$3" "$1" && cd "$1" && find . -type f'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", steps, "-", str(tmp_path), sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip("this machine does not let us mount")

    assert done.stdout.splitlines() == [
        "cannot be written to disk (ENOSPC)",
        "1",
        "100000",
        "./message/2-fits.bin",
    ]


def test_whoever_watches_never_sees_half_a_file(tmp_path: Path) -> None:
    seen: set[str] = set()
    broken: list[str] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            for path in tmp_path.glob("*/[!.]*"):
                data = path.read_bytes()
                seen.add(path.name)
                if hashlib.sha256(data).hexdigest() != path.name.partition("-")[2]:
                    broken.append(path.name)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for index in range(1, FILES + 1):
            content = os.urandom(PIECE) * PIECES
            path = files.part_path(tmp_path, ids.new_id(), index, hashlib.sha256(content).hexdigest())
            with files.Sink(path.parent) as sink:
                for at in range(0, len(content), PIECE):
                    sink.write(content[at : at + PIECE])
                sink.commit(path.name)
    finally:
        stop.set()
        watcher.join()

    assert broken == []
    assert seen


def test_a_visible_upload_is_always_complete(tmp_path: Path) -> None:
    stop = threading.Event()
    broken: list[str] = []

    def watch() -> None:
        while not stop.is_set():
            for path in tmp_path.glob("acme/[!.]*[!n]"):  # not the .json
                found = files.find_upload(tmp_path, "acme", path.name)
                if not found or hashlib.sha256(path.read_bytes()).hexdigest() != found.sha256:
                    broken.append(path.name)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for number in range(FILES):
            files.store_upload(
                tmp_path, "acme", b"%d" % number * 100_000, content_type="image/png", name=f"{number}.png"
            )
    finally:
        stop.set()
        watcher.join()

    assert broken == []
