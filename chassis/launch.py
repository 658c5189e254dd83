"""`make run`: the whole system on this machine, for the person at the terminal, until Ctrl-C.

What runs and how it is watched is chassis.system, whose `launched` is offered here too; this is what a person sees.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field

from chassis.engines import DEFAULT, KNOWN, EngineNames, among
from chassis.serving import until_told_to_stop
from chassis.settings import Settings, load
from chassis.supervision import StartFailed
from chassis.system import System, launched

__all__ = ["StartFailed", "System", "launched"]

FOLLOW_SECONDS = 0.5
QUIET_SECONDS = 10.0
"""A warning that repeats is shown once in so long; all of them are in the log."""


class Config(Settings):
    """launch: starts all five services on this machine, and drains them in order on Ctrl-C."""

    host: str = Field("127.0.0.1", validation_alias="HOST", description="Address that the edge serves on.")
    port: int = Field(8080, ge=0, le=65535, validation_alias="PORT", description="Port of the edge; 0 takes any free.")
    engines: Annotated[EngineNames, among(KNOWN)] = Field(
        DEFAULT,
        validation_alias="ENGINES",
        description="Engines of all services, the preferred first, comma between: aws, local, scripted.",
    )


def main() -> int:
    """Runs until Ctrl-C or SIGTERM; a second one ends all at once. Returns the exit status."""
    config = load(Config)
    try:
        asyncio.run(_run(config))
    except StartFailed as error:
        _say(f"not started: {error}")
        return 1
    except KeyboardInterrupt:
        _say("ended at once")
        return 130
    return 0


async def _run(config: Config) -> None:
    engines = ",".join(config.engines)
    _say(f"starting five services with {engines} engines")
    running = launched(data=config.data, engines=engines, host=config.host, port=config.port, report=_say, token=False)
    async with running as system, asyncio.TaskGroup() as tasks:
        print("\n".join(["", *welcome(system, config.host), ""]), flush=True)
        following = tasks.create_task(_follow(system))
        await until_told_to_stop()
        _say("draining; Ctrl-C again ends all at once")
        # From here on SIGTERM too ends all at once, as the second Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        following.cancel()
    _say("stopped")


def welcome(system: System, host: str) -> Iterator[str]:
    """What a person needs to know once all serves, line by line."""
    yield "Lingocast is ready."
    yield f"  Listeners   {system.url}/"
    if system.ready.speaker_link:
        yield f"  Speaker     {system.ready.speaker_link}"
    head = "Languages"
    for source, targets in sorted(system.ready.languages.items()):
        yield f"  {head:<11} {source} -> {' '.join(targets) or '(none)'}"
        head = ""
    yield f"  Logs        {_short(system.data / 'logs')}"
    if host in ("127.0.0.1", "localhost", "::1"):
        yield "  Others      only this machine reaches it; to let others in: make run HOST=0.0.0.0"
    yield "  Ctrl-C stops."


async def _follow(system: System) -> None:
    """Shows the services' warnings as they are logged."""
    loop = asyncio.get_running_loop()
    logs = {name: Log(service.log) for name, service in system.services.items() if service.log}
    shown: dict[tuple[str, str], float] = {}
    while True:
        for name, log in logs.items():
            for level, event in log.warnings():
                now = loop.time()
                if now - shown.get((name, event), -QUIET_SECONDS) >= QUIET_SECONDS:
                    shown[name, event] = now
                    _say(f"{name}: {level}: {event}")
        await asyncio.sleep(FOLLOW_SECONDS)


class Log:
    """A log of JSON lines that grows; lines that are something else are passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def warnings(self) -> Iterator[tuple[str, str]]:
        """Level and event of each warning, or worse, since the last call."""
        with suppress(FileNotFoundError), self._path.open("rb") as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # Not written to its end yet; the next call reads it whole.
                self._offset += len(line)
                with suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    if str(entry["level"]).lower() in ("warning", "error", "critical"):
                        yield str(entry["level"]).lower(), str(entry["event"])[:200]


def _say(text: str) -> None:
    print(f"[lingocast] {text}", flush=True)


def _short(path: Path) -> str:
    return str(path).replace(str(Path.home()), "~", 1)


if __name__ == "__main__":
    sys.exit(main())
