"""Prometheus's own tool for rules: as it is on this machine, or out of Debian's package."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

WITHIN_S = 100


def promtool() -> str:
    """Return the path of promtool; skips the test where it is not to be had, but not in CI."""
    found = shutil.which("promtool")
    if found:
        return found
    folder = Path(tempfile.gettempdir()) / f"ringpost-promtool-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    tool = folder / "usr" / "bin" / "promtool"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one download, however many test processes there are
        if not tool.exists() and not (folder / "missing").exists():
            _unpack(folder)
            if not tool.exists():
                (folder / "missing").touch()
    if not tool.exists():
        assert "CI" not in os.environ, "CI needs promtool: no alarm would be tried"
        pytest.skip("promtool is not on this machine, and Debian's package of it is not to be had")
    return str(tool)


def _unpack(folder: Path) -> None:
    """Fetch Debian's package and take the one program out of it; nothing is installed."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return
    if not _download(folder):  # the list of packages is old, or was never fetched
        subprocess.run(["apt-get", "update", "-qq"], timeout=WITHIN_S, check=False)
        if not _download(folder):
            return
    packages = sorted(folder.glob("prometheus_*.deb"))
    whole = folder / "whole"
    if subprocess.run(["dpkg-deb", "-x", packages[0], whole], check=False).returncode == 0:
        (folder / "usr" / "bin").mkdir(parents=True)
        (whole / "usr" / "bin" / "promtool").rename(folder / "usr" / "bin" / "promtool")
    shutil.rmtree(whole, ignore_errors=True)
    packages[0].unlink()


def _download(folder: Path) -> bool:
    command = ["apt-get", "download", "-qq", "prometheus"]
    done = subprocess.run(command, cwd=folder, timeout=WITHIN_S, check=False, capture_output=True)
    return done.returncode == 0
