"""Files named in Ozeki requests: those of the account's own folder, and nothing else."""

import os
import socket
from pathlib import Path

import pytest

from broker.errors import AttachmentUnavailable
from broker.services import outbox

LIMIT = 1000
SECRET = b"somebody else's"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An outbox with two accounts in it, and a secret beside it."""
    folder = tmp_path / "outbox"
    (folder / "acme" / "media" / "deep").mkdir(parents=True)
    (folder / "rival").mkdir()
    (folder / "acme" / "cat.jpg").write_bytes(b"cat")
    (folder / "acme" / "media" / "deep" / "dog.jpg").write_bytes(b"dog")
    (folder / "rival" / "secret.txt").write_bytes(SECRET)
    (tmp_path / "secret.txt").write_bytes(SECRET)
    return folder


def read(root: Path, name: str, *, account: str = "acme") -> bytes:
    return outbox.read(root, account, name, limit=LIMIT)


def refused(root: Path, name: str, *, account: str = "acme") -> None:
    with pytest.raises(AttachmentUnavailable) as caught:
        read(root, name, account=account)
    assert caught.value.value == name
    assert caught.value.detail == "the attachment is not available"


@pytest.mark.parametrize("name", ["cat.jpg", "./cat.jpg", ".\\cat.jpg", "cat.jpg/"])
def test_a_file_of_the_account_is_read(root: Path, name: str) -> None:
    assert read(root, name) == b"cat"


@pytest.mark.parametrize(
    "name", ["media/deep/dog.jpg", "media\\deep\\dog.jpg", "media\\deep/dog.jpg", "media//deep/./dog.jpg"]
)
def test_backslash_equals_slash(root: Path, name: str) -> None:
    assert read(root, name) == b"dog"


def test_an_absolute_path_may_begin_with_the_accounts_own_folder(root: Path) -> None:
    assert read(root, f"{root}/acme/media/deep/dog.jpg") == b"dog"
    assert read(root, f"{root}\\acme\\cat.jpg") == b"cat"


def test_the_outbox_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)

    assert read(tmp_path / "link", "cat.jpg") == b"cat"
    assert read(tmp_path / "link", f"{tmp_path}/link/acme/cat.jpg") == b"cat"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        ".",
        "..",
        "../rival/secret.txt",
        "..\\rival\\secret.txt",
        "media/../../rival/secret.txt",
        "media/../cat.jpg",
        "../../secret.txt",
        "/etc/passwd",
        "//etc/passwd",
        "\\\\server\\share\\cat.jpg",
        "//server/share/cat.jpg",
        "\\\\?\\C:\\cat.jpg",
        "C:\\media\\cat.jpg",
        "c:/media/cat.jpg",
        "c:cat.jpg",
        "file:///etc/passwd",
        "%2e%2e/rival/secret.txt",
        "~/cat.jpg",
        "/proc/self/environ",
        "/dev/zero",
        "cat.jpg\0.png",
        "cat.jpg/x",
        "media",
        "media/deep/",
        "nothing.jpg",
        "\ud800.jpg",
        "x" * 300,
        "x/" * 100_000,
        "../" * 100_000,
        "CAT.JPG",
    ],
)
def test_every_other_name_is_refused_in_the_same_words(root: Path, name: str) -> None:
    refused(root, name)


@pytest.mark.parametrize(
    "name",
    [
        "{root}/rival/secret.txt",
        "{root}/acme/../rival/secret.txt",
        "{root}/acmex/cat.jpg",
        "/{root}/acme/cat.jpg",
        "{root}/acme",
        "{root}",
    ],
)
def test_an_absolute_path_elsewhere_is_refused(root: Path, name: str) -> None:
    (root / "acmex").mkdir()
    (root / "acmex" / "cat.jpg").write_bytes(SECRET)

    refused(root, name.format(root=root))


def test_a_link_to_a_file_outside_is_refused(root: Path, tmp_path: Path) -> None:
    (root / "acme" / "link.jpg").symlink_to(tmp_path / "secret.txt")

    refused(root, "link.jpg")


def test_a_link_in_the_middle_is_refused(root: Path) -> None:
    (root / "acme" / "folder").symlink_to(root / "rival")

    refused(root, "folder/secret.txt")
    refused(root, f"{root}/acme/folder/secret.txt")


def test_a_link_that_stays_inside_is_refused_too(root: Path) -> None:
    (root / "acme" / "same.jpg").symlink_to("cat.jpg")

    refused(root, "same.jpg")


def test_an_account_folder_that_is_a_link_is_refused(root: Path) -> None:
    (root / "sly").symlink_to(root / "rival")

    refused(root, "secret.txt", account="sly")


def test_a_hard_link_to_a_foreign_file_is_refused(root: Path) -> None:
    (root / "acme" / "hard.txt").hardlink_to(root / "rival" / "secret.txt")

    refused(root, "hard.txt")


def test_a_fifo_is_refused_and_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "acme" / "pipe.jpg")

    refused(root, "pipe.jpg")


def test_a_socket_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root / "acme")  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.jpg")
        refused(root, "s.jpg")


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device needs root")
def test_a_device_is_refused(root: Path) -> None:
    try:
        os.mknod(root / "acme" / "zero.jpg", 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this machine does not let us make devices")

    refused(root, "zero.jpg")


@pytest.mark.parametrize("account", ["..", "../acme", "acme/media", ".", "", "/", "nobody"])
def test_an_account_name_leads_nowhere_else(root: Path, account: str) -> None:
    refused(root, "cat.jpg", account=account)
    refused(root, "outbox/acme/cat.jpg", account=account)


def test_a_file_over_the_limit_is_refused(root: Path) -> None:
    (root / "acme" / "just.bin").write_bytes(b"x" * LIMIT)
    (root / "acme" / "over.bin").write_bytes(b"x" * (LIMIT + 1))

    assert len(read(root, "just.bin")) == LIMIT
    refused(root, "over.bin")


def test_the_pointer_of_the_request_comes_back_with_the_error(root: Path) -> None:
    with pytest.raises(AttachmentUnavailable) as caught:
        outbox.read(root, "acme", "no.jpg", limit=LIMIT, pointer="/attachments/0")

    assert caught.value.pointer == "/attachments/0"


def test_no_file_handle_is_left_open(root: Path) -> None:
    os.mkfifo(root / "acme" / "pipe.jpg")
    before = len(list(Path("/proc/self/fd").iterdir()))

    for name in (
        "cat.jpg",
        "media",
        "media/deep/dog.jpg",
        "media/no/dog.jpg",
        "pipe.jpg",
        "../x",
        "media/deep/no",
    ):
        try:
            read(root, name)
        except AttachmentUnavailable:
            continue

    assert len(list(Path("/proc/self/fd").iterdir())) == before
