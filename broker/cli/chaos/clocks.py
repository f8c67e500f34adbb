"""Wall clocks of single processes, shifted while they run."""

import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")
_ENTRIES = 64
_ENTRY = struct.Struct("=qq")


class Clocks:
    """A library that every process of the stack is started with, and the table that it reads."""

    def __init__(self, folder: Path) -> None:
        self._library = folder / "clock.so"
        self._table = folder / "clocks"
        self._shifts: dict[int, int] = {}

    def build(self) -> bool:
        """Make the library, and say whether it could be made: it takes a C compiler."""
        compiler = shutil.which("cc")
        self._write()
        if compiler is None:
            return False
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE), "-ldl"]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603

    def environment(self) -> Mapping[str, str]:
        """Return what makes a process read our table, where the library could be made."""
        if not self._library.exists():
            return {}
        return {"LD_PRELOAD": str(self._library), "RINGPOST_CHAOS_CLOCKS": str(self._table)}

    def shift(self, pid: int, seconds: int) -> None:
        """Put a process's clock ahead, or with a negative number behind; 0 sets it right."""
        self._shifts[pid] = seconds
        self._write()

    def right(self) -> None:
        """Set every clock right."""
        self._shifts = dict.fromkeys(self._shifts, 0)
        self._write()

    def _write(self) -> None:
        """Write the table in place: the processes have it mapped."""
        known = list(self._shifts.items())[-_ENTRIES:]
        rows = b"".join(_ENTRY.pack(*each) for each in known).ljust(_ENTRIES * _ENTRY.size, b"\0")
        if not self._table.exists():
            self._table.write_bytes(rows)
        with self._table.open("r+b") as table:
            table.write(rows)
