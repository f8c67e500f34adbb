"""The rules of names, sinks, uploads and sweeps, on a real folder."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from broker.domain import ids
from broker.errors import MediaUnavailable
from broker.storage import files
from broker.storage.files import Sink

MESSAGE = "01a2001c-12a5-7f4a-8b58-e35656f9fabb"
HOUR = 3600.0


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def age(path: Path, seconds: float, *, now: float) -> None:
    os.utime(path, (now - seconds, now - seconds))


def test_a_committed_file_has_its_bytes_size_hash_and_modes(tmp_path: Path) -> None:
    folder = tmp_path / "MMSAttachments" / MESSAGE

    with Sink(folder) as sink:
        sink.write(b"one ")
        sink.write(b"two")
        stored = sink.commit("1-note.txt")

    assert stored.path == folder / "1-note.txt"
    assert stored.path.read_bytes() == b"one two"
    assert (stored.size, stored.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
    assert stored.path.stat().st_mode & 0o777 & ~0o640 == 0
    assert folder.stat().st_mode & 0o777 & ~0o750 == 0
    assert names(folder) == ["1-note.txt"]


def test_size_and_hash_run_along_with_the_bytes(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink:
        sink.write(b"abc")
        assert (sink.size, sink.sha256) == (3, hashlib.sha256(b"abc").hexdigest())


def test_leaving_without_commit_leaves_nothing(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink:
        sink.write(b"half of it")
        assert len(names(tmp_path)) == 1

    assert names(tmp_path) == []


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> None:
        with Sink(tmp_path) as sink:
            sink.write(b"half of it")
            raise TimeoutError

    with pytest.raises(TimeoutError):
        break_off()

    assert names(tmp_path) == []


def test_abort_may_be_called_again(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink:
        sink.abort()
        sink.abort()

    assert names(tmp_path) == []


def test_a_second_download_replaces_the_first_in_one_step(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        with Sink(tmp_path) as sink:
            sink.write(content)
            sink.commit("1-a.jpg")

    assert (tmp_path / "1-a.jpg").read_bytes() == b"second"
    assert names(tmp_path) == ["1-a.jpg"]


def test_an_empty_file_can_be_kept(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink:
        assert sink.commit("1-empty.txt").size == 0


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "/a", "a\0b", "é" * 200])
def test_a_final_name_is_one_plain_name(tmp_path: Path, name: str) -> None:
    with Sink(tmp_path) as sink, pytest.raises(ValueError, match="not a file name"):
        sink.commit(name)

    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_unavailable_and_not_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(MediaUnavailable), Sink(tmp_path / "file" / "folder"):
        pass


def test_a_folder_that_vanishes_before_the_commit_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / MESSAGE
    with Sink(folder) as sink:
        sink.write(b"x")
        for entry in folder.iterdir():
            entry.unlink()
        folder.rmdir()
        with pytest.raises(MediaUnavailable):
            sink.commit("1-a.jpg")

    assert not folder.exists()


def test_a_part_is_kept_under_its_message_and_number(tmp_path: Path) -> None:
    assert files.part_path(tmp_path, MESSAGE, 2, "cat.jpg") == tmp_path / MESSAGE / "2-cat.jpg"


@pytest.mark.parametrize(
    ("message_id", "index", "name"),
    [
        ("../../etc", 1, "passwd"),
        ("", 1, "a.jpg"),
        (MESSAGE.upper(), 1, "a.jpg"),
        (MESSAGE, 0, "a.jpg"),
        (MESSAGE, 1, "../a.jpg"),
        (MESSAGE, 1, "a\0.jpg"),
    ],
)
def test_a_part_path_never_leads_elsewhere(tmp_path: Path, message_id: str, index: int, name: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        files.part_path(tmp_path, message_id, index, name)


def test_an_ordinary_account_has_a_folder_of_its_own_name() -> None:
    assert files.account_folder("acme-2.co_uk@x") == "acme-2.co_uk@x"


HOSTILE = [
    "",
    ".",
    "..",
    ".part-x",
    "../x",
    "a/b",
    "a\\b",
    "a\0b",
    "%2E",
    "a%2Fb",
    "é",
    "x" * 300,
    "x" * 301,
    "é" * 99,
    "-",
    "%-x",
]


def test_account_folders_are_plain_and_never_shared() -> None:
    folders = [files.account_folder(account) for account in HOSTILE]

    assert len(set(folders)) == len(HOSTILE)
    for folder in folders:
        assert folder
        assert not folder.startswith(".")
        assert not set(folder) & set("/\\\0")
        assert len(folder.encode()) <= 255


def test_an_upload_is_found_as_it_was_stored(tmp_path: Path) -> None:
    stored = files.store_upload(tmp_path, "acme", b"\xff\xd8\xff", content_type="image/jpeg", name="çat.jpg")

    assert files.find_upload(tmp_path, "acme", stored.id) == stored
    assert stored.path.read_bytes() == b"\xff\xd8\xff"
    assert stored.path.parent == tmp_path / "acme"
    assert (stored.size, stored.sha256) == (3, hashlib.sha256(b"\xff\xd8\xff").hexdigest())
    assert (stored.content_type, stored.name) == ("image/jpeg", "çat.jpg")
    assert ids.is_id(stored.id)


def test_an_upload_of_another_account_is_not_found(tmp_path: Path) -> None:
    stored = files.store_upload(tmp_path, "acme", b"x", content_type="text/plain", name="a.txt")

    assert files.find_upload(tmp_path, "rival", stored.id) is None


@pytest.mark.parametrize("media_id", ["", "..", "../acme", "nothing", "x" * 5000, "\0", MESSAGE, "\ud800"])
def test_what_is_not_an_upload_is_not_found(tmp_path: Path, media_id: str) -> None:
    files.store_upload(tmp_path, "acme", b"x", content_type="text/plain", name="a.txt")

    assert files.find_upload(tmp_path, "acme", media_id) is None


@pytest.mark.parametrize("account", HOSTILE)
def test_no_account_name_keeps_uploads_elsewhere(tmp_path: Path, account: str) -> None:
    root = tmp_path / "uploads"
    stored = files.store_upload(root, account, b"x", content_type="text/plain", name="a.txt")

    assert stored.path.resolve().parent.parent == root.resolve()
    assert files.find_upload(root, account, stored.id) == stored


@pytest.mark.parametrize("missing", ["bytes", "description"])
def test_half_an_upload_is_not_found(tmp_path: Path, missing: str) -> None:
    stored = files.store_upload(tmp_path, "acme", b"x", content_type="text/plain", name="a.txt")
    (stored.path if missing == "bytes" else stored.path.with_name(f"{stored.id}.json")).unlink()

    assert files.find_upload(tmp_path, "acme", stored.id) is None


def test_a_description_says_nothing_but_what_it_must(tmp_path: Path) -> None:
    stored = files.store_upload(tmp_path, "acme", b"x", content_type="text/plain", name="\ud800.txt")

    described = json.loads(stored.path.with_name(f"{stored.id}.json").read_bytes())
    assert sorted(described) == ["content_type", "name", "sha256", "size"]


def test_the_sweep_takes_old_temporary_files_only(tmp_path: Path) -> None:
    now = 2_000_000_000.0
    folder = tmp_path / MESSAGE
    folder.mkdir()
    for name, seconds in ((".part-old", 2 * HOUR), (".part-young", HOUR / 2), ("1-old.jpg", 2 * HOUR)):
        (folder / name).write_bytes(b"x")
        age(folder / name, seconds, now=now)

    assert files.sweep_orphans(tmp_path, older_than_s=HOUR, now=now) == 1
    assert names(folder) == [".part-young", "1-old.jpg"]


def test_the_sweep_follows_no_link(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / ".part-x").write_bytes(b"x")
    age(outside / ".part-x", 2 * HOUR, now=2_000_000_000.0)
    (root / "link").symlink_to(outside)

    assert files.sweep_orphans(root, older_than_s=HOUR, now=2_000_000_000.0) == 0
    assert names(outside) == [".part-x"]


def test_a_folder_that_is_not_there_yet_has_nothing_to_sweep(tmp_path: Path) -> None:
    assert files.sweep_orphans(tmp_path / "no", older_than_s=0, now=9e9) == 0
    assert files.sweep_uploads(tmp_path / "no", older_than_s=0, now=9e9, used=lambda paths: paths) == 0


def test_old_uploads_go_unless_a_message_names_them(tmp_path: Path) -> None:
    now = 2_000_000_000.0
    kept, gone, young = (
        files.store_upload(tmp_path, "acme", b"x", content_type="text/plain", name="a.txt") for _ in range(3)
    )
    age(kept.path, 2 * HOUR, now=now)
    age(gone.path, 2 * HOUR, now=now)
    age(young.path, HOUR / 2, now=now)
    asked: list[Path] = []

    def used(paths: Sequence[Path]) -> list[Path]:
        asked.extend(paths)
        return [kept.path]

    assert files.sweep_uploads(tmp_path, older_than_s=HOUR, now=now, used=used) == 1
    assert sorted(asked) == sorted([kept.path, gone.path])
    assert names(tmp_path / "acme") == sorted([kept.id, f"{kept.id}.json", young.id, f"{young.id}.json"])


def test_an_upload_that_was_asked_for_lately_stays(tmp_path: Path) -> None:
    stored = files.store_upload(tmp_path, "acme", b"x", content_type="text/plain", name="a.txt")
    age(stored.path, 9 * HOUR, now=stored.path.stat().st_mtime)
    found = files.find_upload(tmp_path, "acme", stored.id)
    assert found

    now = stored.path.stat().st_mtime + 1
    assert files.sweep_uploads(tmp_path, older_than_s=HOUR, now=now, used=lambda paths: ()) == 0


def test_a_description_that_lost_its_bytes_is_swept(tmp_path: Path) -> None:
    stored = files.store_upload(tmp_path, "acme", b"x", content_type="text/plain", name="a.txt")
    stored.path.unlink()
    now = stored.path.with_name(f"{stored.id}.json").stat().st_mtime + 2 * HOUR

    files.sweep_uploads(tmp_path, older_than_s=HOUR, now=now, used=lambda paths: ())

    assert names(tmp_path / "acme") == []
