"""Compiles the load client and the floor server with the system's C compiler, once for each of their versions."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from chassis.bootstrap import Program, install_programs
from chassis.system import ROOT
from edge import sends

HERE: Final = Path(__file__).resolve().parent
FOLDER: Final = ROOT / ".peers"
_FLAGS: Final = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror=implicit-function-declaration")
_HEADERS: Final = Path("/usr/include/stdio.h")


class NoCompiler(Exception):
    """The message is for a person."""


def compiled(name: str) -> Path:
    """The program made of `name`.c. Installs a compiler by apt where there is none and that is allowed.

    Raises NoCompiler, and subprocess.CalledProcessError with what the compiler said.
    """
    sources = [HERE / f"{name}.c", HERE / "websocket.h"]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    program = FOLDER / f"{name}-{digest}"
    if not program.exists():
        FOLDER.mkdir(exist_ok=True)
        made = program.with_suffix(".new")
        subprocess.run([compiler(), *_FLAGS, "-o", made, sources[0]], check=True, timeout=120)
        made.rename(program)
    return program


def compiler() -> str:
    """The system's C compiler. Raises NoCompiler."""
    lost = "the bench of fan-out"
    install_programs(
        [
            Program("gcc", lambda: sends.compiler() is not None, lost),
            Program("libc6-dev", lambda: sends.compiler() != shutil.which("gcc") or _HEADERS.exists(), lost),
        ]
    )
    found = sends.compiler()
    if found is None:
        raise NoCompiler("the load client is written in C, and this machine has no C compiler: apt-get install gcc")
    return found
