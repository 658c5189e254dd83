"""Evaluates the real system on real speech: `make eval`, or parts of it: `make eval ARGS="--only clean,drift"`."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from chassis.errors import LingocastError
from chassis.settings import data_default
from chassis.supervision import StartFailed
from chassis.system import ROOT
from edge.client import ClientError
from tests.bench.report import table
from tests.eval import report
from tests.eval.ear import WhisperEar
from tests.eval.parts import PARTS, Course


def main(arguments: list[str]) -> int:
    """The exit status: 1 when a part could not be run or, with `--check`, a goal of its parts was not met."""
    options = _options(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    data = Path(os.environ.get("LINGOCAST_DATA") or data_default())
    failed = [] if options.report else _run(options, data)
    judged = report.write(options.out)
    print("\n".join(table(("goal", "limit", "measured", ""), report.goal_rows(judged))))
    print(f"report: {options.out / 'report.md'}")
    present = report.found_parts(options.out)
    missed = [each for each in judged if each.goal.part in present and not each.met]
    return 1 if failed or (options.check and missed) else 0


def _run(options: argparse.Namespace, data: Path) -> list[str]:
    """Runs the chosen parts, each saved as soon as it is there; names of those that failed."""
    course = Course(
        data=data,
        out=options.out,
        recordings=options.recordings,
        ear=WhisperEar(data, options.out / "words"),
        quick=options.quick,
        minutes=options.minutes,
        languages=tuple(filter(None, options.languages.split(","))),
    )
    failed = []
    for name in options.only:
        print(f"{name} …", file=sys.stderr)
        try:
            asyncio.run(PARTS[name](course)).save(options.out)
        except* (LingocastError, ClientError, StartFailed, ValueError, TimeoutError, OSError) as group:
            # What was measured before stays, and the other parts may work.
            for error in _leaves(group):
                print(
                    f"{name} failed: {getattr(error, 'message', str(error) or type(error).__name__)}", file=sys.stderr
                )
            failed.append(name)
        else:
            report.write(options.out)
    return failed


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description=__doc__)
    parser.add_argument("--only", type=_parts, default=list(PARTS), help=f"some of {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="short, to try the evaluation itself; measures nothing")
    parser.add_argument("--check", action="store_true", help="fail when a goal is missed")
    parser.add_argument("--report", action="store_true", help="only write the report again, from the results there are")
    parser.add_argument(
        "--recordings",
        type=Path,
        default=os.environ.get("EVAL_RECORDINGS") or None,
        help="folder of recordings with transcripts, see docs/evaluation.md (EVAL_RECORDINGS; default: those here)",
    )
    parser.add_argument("--languages", default="", help="languages to listen in, such as pt,es (default: as known)")
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the drift part (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "eval", help="folder of the report")
    return parser.parse_args(arguments)


def _parts(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return names


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
