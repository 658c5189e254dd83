"""The same bytes to many peers: in one call of C where that was compiled, else through their transports one by one.

Both mean the same. `python -m edge.sends` compiles it with the system's compiler, and the set-up does so where there is
one; nothing needs it. It may be used only for peers whose transport holds nothing and is not closing, looked at in the
same tick: only then is the descriptor theirs, and the order kept. What a socket does not take at once its transport
gets, which also learns of errors that way.
"""

import ctypes
import hashlib
import shutil
import subprocess
import sys
from array import array
from asyncio import Transport
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Protocol, TypeAlias

SOURCE: Final = Path(__file__).with_name("sends.c")
_FLAGS: Final = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")


class Peer(Protocol):
    """Somebody connected. `descriptor`: of the socket, where bytes may be written to it as they are; else -1."""

    transport: Transport | None
    descriptor: int


SendToAll: TypeAlias = Callable[[Sequence[Peer], bytes], None]
"""Writes to peers whose transports hold nothing and are not closing."""


def one_by_one(peers: Sequence[Peer], wire: bytes) -> None:
    """Through each transport."""
    for peer in peers:
        if peer.transport is not None:
            peer.transport.write(wire)


def descriptor_of(transport: Transport | None) -> int:
    """See `Peer`. -1 too where what is written has to be encrypted."""
    if transport is None or transport.get_extra_info("sslcontext") is not None:
        return -1
    connected = transport.get_extra_info("socket")
    return -1 if connected is None else int(connected.fileno())


def best() -> SendToAll:
    """The faster one of those there are."""
    library = _library(_built())
    return one_by_one if library is None else _Together(library)


def build(folder: Path | None = None) -> Path:
    """Compiles into `folder`, or beside the packages, unless it is there. Raises FileNotFoundError where there is no
    compiler, and subprocess.CalledProcessError where it fails."""
    library = _built(folder)
    if not library.exists():
        program = compiler()
        if program is None:
            raise FileNotFoundError("there is no C compiler")
        library.parent.mkdir(parents=True, exist_ok=True)
        made = library.with_suffix(".new")
        subprocess.run([program, *_FLAGS, "-o", made, SOURCE], check=True, capture_output=True, timeout=120)
        made.rename(library)
    return library


def compiler() -> str | None:
    """The system's C compiler."""
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


class _Together:
    """By C. The interpreter is let go of while it runs."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._send = library.send_to_all
        numbers = ctypes.c_void_p
        self._send.argtypes = [numbers, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, numbers, numbers]
        self._send.restype = ctypes.c_int

    def __call__(self, peers: Sequence[Peer], wire: bytes) -> None:
        sockets = array("i", [peer.descriptor for peer in peers])
        if -1 in sockets:
            one_by_one([peer for peer in peers if peer.descriptor < 0], wire)
            peers = [peer for peer in peers if peer.descriptor >= 0]
            sockets = array("i", [peer.descriptor for peer in peers])
        count = len(peers)
        which, taken = array("i", [0]) * count, array("L", [0]) * count
        incomplete = self._send(_address(sockets), count, wire, len(wire), _address(which), _address(taken))
        for place, sent in zip(which[:incomplete], taken[:incomplete], strict=True):
            one_by_one(peers[place : place + 1], wire[sent:])


def _address(numbers: "array[int]") -> int:
    return numbers.buffer_info()[0]


def _built(folder: Path | None = None) -> Path:
    """Where this version of it is, once it is compiled: with the packages, for it belongs to the machine."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    return (folder or Path(sys.prefix) / "lib" / "lingocast") / f"sends-{digest}.so"


@cache
def _library(built: Path) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(str(built))
    except OSError:
        return None


if __name__ == "__main__":
    try:
        build()
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(f"fan-out stays in Python: {error}")
