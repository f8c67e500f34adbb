"""Media that is on record is on disk: what the system is asked for on the way there, and when."""

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from broker.dispatch import Queue
from broker.domain.ids import is_id
from broker.domain.message import PartState
from broker.services import events, media, submit
from broker.storage import files, messages
from broker.storage.tables import parts
from tests.acceptance.flows import pictures
from tests.factories import make_stored_part
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive
from tests.integration.workers.test_journal import OURS, inbound, provide

ON_DISK = ["written", "fsynced", "named", "its folder fsynced"]


class Disk:
    """Notes what the system is asked to do with files below a folder, and has it done."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self._root = root
        self.steps: list[tuple[str, Path]] = []
        self.on_fsync: Callable[[], object] = lambda: None
        self._temporary: dict[Path, Path] = {}
        write, fsync, rename, mkdir = os.write, os.fsync, os.rename, os.mkdir

        def noted_write(fd: int, data: Any) -> int:
            self._note("written", _path(fd))
            return write(fd, data)

        def noted_fsync(fd: int) -> None:
            self.on_fsync()
            fsync(fd)
            self._note("fsynced", _path(fd))

        def noted_rename(src: str, dst: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
            final = _path(dst_dir_fd) / dst
            self._temporary[final] = _path(src_dir_fd) / src
            rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            self._note("named", final)

        def noted_mkdir(path: Any, *more: Any, **options: Any) -> None:
            mkdir(path, *more, **options)
            self._note("made", Path(path))

        noted = {"write": noted_write, "fsync": noted_fsync, "rename": noted_rename, "mkdir": noted_mkdir}
        for name, one in noted.items():
            patch.setattr(os, name, one)

    def way_of(self, final: Path) -> list[str]:
        """Return what happened to a file until it had its name, and to its folder next."""
        at = self.steps.index(("named", final))
        own = [step for step, where in self.steps[: at + 1] if where in (final, self._temporary[final])]
        folder = [f"its folder {step}" for step, where in self.steps[at + 1 :] if where == final.parent]
        return [step for step, _ in groupby(own)] + folder[:1]

    def keeps(self, folder: Path) -> bool:
        """Say whether the name of a new folder was made to last."""
        return ("fsynced", folder.parent) in self.steps[self.steps.index(("made", folder)) :]

    def _note(self, step: str, path: Path) -> None:
        if self._root in path.parents or path == self._root:
            self.steps.append((step, path))


def _path(fd: int) -> Path:
    return Path(f"/proc/self/fd/{fd}").readlink()


@pytest.fixture
def disk(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    with monkeypatch.context() as patch:
        yield Disk(world.settings.data_dir, patch)


def states(world: World) -> list[str]:
    """Return where the parts on record stand."""
    return world.runtime.database.read(lambda sql: [str(row.state) for row in sql.execute(parts.select())])


def stored(world: World, message_id: str) -> Path:
    """Return where the one part of a message is kept."""
    found = world.runtime.database.read(lambda sql: messages.load(sql, [message_id]))
    (part,) = found[message_id].parts
    assert part.state is PartState.STORED
    return Path(part.path or "")


def test_media_that_arrives_is_on_disk_with_its_name_before_it_is_on_record(
    world: World, carrier: Carrier, disk: Disk
) -> None:
    provide(world, carrier, [OURS])
    sent = {"name": "a.jpg", "content_type": "image/jpeg", "data": b64encode(pictures.jpeg()).decode()}
    carrier.inbound({"id": "in-1", "from": "+12025550101", "to": OURS, "media": [sent]})
    link = f"{carrier.url}/api/v2/users/9900000/media/in-1/0/a.jpg"
    arrive(world.settings, inbound("in-1", media=(link,)))
    events.take(world.runtime)
    seen: list[str] = []
    disk.on_fsync = lambda: seen.extend(states(world))
    media.take(world.runtime)
    disk.on_fsync = lambda: None
    assert states(world) == ["stored"]
    assert set(seen) == {"pending"}, "it is on record after the last fsync only"
    (path,) = [path for path in world.settings.attachments.glob("*/*") if is_id(path.parent.name)]
    assert path == stored(world, path.parent.name)
    assert disk.way_of(path) == ON_DISK
    assert disk.keeps(path.parent)


def test_media_that_is_made_to_fit_is_on_disk_with_its_name(
    world: World, carrier: Carrier, disk: Disk, tmp_path: Path
) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(pictures.jpeg())
    (one,) = world.admit(parts=(make_stored_part(file),))
    submit.take(world.runtime, Queue.SUBMIT)
    media.take(world.runtime)
    path = stored(world, one)
    assert path.parent == world.settings.attachments / one
    assert disk.way_of(path) == ON_DISK
    assert disk.keeps(path.parent)


def test_an_upload_is_on_disk_before_its_bytes_have_their_name(world: World, disk: Disk) -> None:
    data = json.dumps({"any": "bytes"}).encode()
    found = files.store_upload(
        world.settings.uploads, "acme", data, content_type="application/json", name="a"
    )
    description = found.path.with_name(f"{found.id}.json")
    assert disk.way_of(found.path) == ON_DISK
    assert disk.way_of(description) == ON_DISK
    assert disk.keeps(found.path.parent)
    named = [path for step, path in disk.steps if step == "named"]
    assert named == [description, found.path]
