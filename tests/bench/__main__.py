"""Measures parts of the system apart: `make bench`, or one of them: `make bench ARGS=lag`.

`amazon`: what a stream at Amazon Transcribe costs. `fanout`: thousands of listeners, beside other servers. `lag`: lag
control in simulated time. `sessions`: their life.
`voices`: the voices of this machine beside a recogniser. `receiving`: a hundred speakers, and controls.

Speech is measured by `make eval` (tests/eval).
"""

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from chassis.system import ROOT
from tests.bench import amazon, fanout, lag, receiving, sessions, voices

PARTS = ("amazon", "fanout", "lag", "receiving", "sessions", "voices")


async def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, help="what to measure; without it: all")
    parser.add_argument("--store", action="append", choices=sessions.STORES, help="of sessions; without any: all")
    parser.add_argument("--out", type=Path, default=ROOT / "out", help="folder of the reports")
    parser.add_argument("--quick", action="store_true", help="less of what can be measured in less (receiving, fanout)")
    parser.add_argument("--rounds", type=int, help="in which all servers take their turn (fanout)")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.part in (None, "lag"):
        lag.run(options.out)
    if options.part in (None, "amazon"):
        await amazon.run(options.out)
    if options.part in (None, "fanout"):
        sizes = fanout.QUICK if options.quick else fanout.Sizes()
        await fanout.run(options.out, replace(sizes, rounds=options.rounds or sizes.rounds))
    if options.part in (None, "voices"):
        await voices.run(options.out)
    if options.part in (None, "receiving"):
        await receiving.run(options.out, receiving.QUICK if options.quick else None)
    if options.part in (None, "sessions"):
        await sessions.run(options.out, options.store or sessions.STORES)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
