"""The servers that are measured side by side: ours, the floor in C, and what others would take.

The JavaScript ones come from npm, as tests/load/peers/package-lock.json names them, into `.peers/`. What cannot be had
is not left out in silence: the reason stands where its figures would.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.protocol.wire import SUBPROTOCOL
from edge.upgrade import SEND_BUFFER_BYTES
from tests.load.compiling import FOLDER, HERE, compiled
from tests.load.crowd import NONE

OURS: Final = "ours"
FLOOR: Final = "C, send()"
BUN: Final = "Bun publish"
NODE: Final = "Node ws"
BROADCAST: Final = "websockets broadcast()"
GATHER: Final = "aiohttp gather"

PEERS: Final = (BUN, NODE, BROADCAST, GATHER)

_PEERS: Final = HERE / "peers"
_INSTALL_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Contender:
    """How a server is started. `protocol`: as the load client offers it."""

    name: str
    command: Sequence[str | Path]
    protocol: str = NONE
    environment: Mapping[str, str] = field(default_factory=dict)


def ours(*arguments: str, protocol: str = SUBPROTOCOL, name: str = OURS) -> Contender:
    """Ours, with arguments of tests/load/ours.py."""
    return Contender(name, [sys.executable, "-m", "tests.load.ours", *arguments], protocol)


def floor() -> Contender:
    """With buffers like ours."""
    return Contender(FLOOR, [compiled("floor"), str(SEND_BUFFER_BYTES)])


def contenders(javascript: bool = True) -> tuple[list[Contender], dict[str, str]]:
    """All that can be had here, and why the others cannot. `javascript`: also those that npm has to install."""
    missing: dict[str, str] = {} if javascript else dict.fromkeys((BUN, NODE), "it was not asked for")
    found = [ours(), floor(), *(_javascript(missing) if javascript else ())]
    found += [
        Contender(name, [sys.executable, "-m", f"tests.load.peers.{module}"])
        for name, module in ((BROADCAST, "broadcast"), (GATHER, "gather"))
    ]
    return found, missing


def _javascript(missing: dict[str, str]) -> list[Contender]:
    try:
        modules = _installed()
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        reason = f"npm did not install it: {(said.strip().splitlines() or ['it said nothing'])[-1][:200]}"
        missing.update({BUN: reason, NODE: reason})
        return []
    found = []
    # Its package has a binary for each kind of machine; npm takes the one that fits.
    if bun := next(modules.glob("@oven/*/bin/bun"), None):
        found.append(Contender(BUN, [bun, _PEERS / "bun.mjs"]))
    else:
        missing[BUN] = "its package has no binary for this machine"
    if node := shutil.which("node"):
        found.append(Contender(NODE, [node, _PEERS / "ws.mjs"], environment={"NODE_PATH": str(modules)}))
    else:
        missing[NODE] = "there is no node on the path"
    return found


def _installed() -> Path:
    """The folder of the packages. Raises OSError, subprocess.SubprocessError."""
    lock = _PEERS / "package-lock.json"
    folder = FOLDER / f"npm-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    if folder.exists():
        return folder / "node_modules"
    work = folder.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for file in (lock, _PEERS / "package.json"):
        shutil.copy(file, work)
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("there is no npm on the path")
    subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=work,
        check=True,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    work.rename(folder)
    return folder / "node_modules"
