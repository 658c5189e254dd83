"""`make soak`: a quarter of an hour of people who come and go; fails unless nothing grows and nobody lost a word.

MINUTES sets the time, OUT the folder of the report (`out`).
"""

import asyncio
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from chassis.supervision import StartFailed
from tests.soak.report import verdicts, written
from tests.soak.soak import soak

LEAST, MOST = 2.0, 24 * 60.0


def main() -> int:
    """The exit status: 0 when all held, 1 when something did not, 2 for a wrong setting."""
    out = Path(os.environ.get("OUT") or "out") / "soak"
    text = os.environ.get("MINUTES") or "15"
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not LEAST <= minutes <= MOST:
        print(f"MINUTES={text}: must be between {LEAST:g} and {MOST:g}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = asyncio.run(soak(Path(folder), minutes))
        except StartFailed as error:
            print(f"not started: {error}", file=sys.stderr)
            return 1
        finally:
            # Whatever came of it, they tell why.
            with suppress(FileNotFoundError):
                shutil.copytree(Path(folder) / "logs", out / "logs", dirs_exist_ok=True)
    held = written(found, out)
    for verdict in verdicts(found):
        print(f"{'no ' if verdict.complaints else 'yes'} {verdict.what}")
    print(f"report: {out / 'report.md'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
