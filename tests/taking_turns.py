"""Workers of pytest-xdist that leave one of them the machine: real speech is judged by how it sounds in real time,
which others on the same cores would change."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

_DOOR: Final = "door"
_MACHINE: Final = "machine"


class Turns:
    """One worker's locks on two files in a folder that all share. Who wants the machine alone waits in the door until
    all others are out, so that nobody comes in meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._door: TextIO = (folder / _DOOR).open("w")
        self._machine: TextIO = (folder / _MACHINE).open("w")
        self._alone = False

    @contextmanager
    def taken(self, *, alone: bool, again: bool) -> Iterator[None]:
        """While the block runs. `again`: the next turn is of the same kind, and the machine is not given up between."""
        if not self._alone:
            with _locked(self._door, fcntl.LOCK_EX):
                fcntl.flock(self._machine, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        try:
            yield
        finally:
            self._alone = alone and again
            if not self._alone:
                fcntl.flock(self._machine, fcntl.LOCK_UN)


@contextmanager
def _locked(file: TextIO, how: int) -> Iterator[None]:
    fcntl.flock(file, how)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def in_turns() -> bool:
    """Whether this process is one of several workers."""
    return "PYTEST_XDIST_WORKER" in os.environ
