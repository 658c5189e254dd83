"""The load client as the benches use it: connections of one process, and what came to them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from tests.load.compiling import compiled
from tests.load.program import Answer, Program, started

OPENED_A_SECOND: Final = 50
"""At the very least: how long to wait for connections."""

NONE: Final = "-"
"""As subprotocol: the server says nothing by itself. `plain`: none is offered, yet the server speaks first."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Of what came since the mark. Times in microseconds since publication, over the frames that reached everyone, of
    the first listener, the one in the middle, and the last; `arrival`: over all frames of all listeners."""

    frames: int
    incomplete: int
    first: float
    middle: float
    last: float
    last_p99: float
    arrival: float
    arrival_p99: float

    @classmethod
    def read(cls, answer: Answer) -> "Heard":
        """Raises AssertionError where the server broke the protocol, the order, or lost something on the way."""
        for fault in ("misordered", "missing", "errors", "closed"):
            assert not answer[fault], f"{fault}: {answer}"
        at = {name: answer[name] or {"p50": float("nan"), "p99": float("nan")} for name in ("first", "middle", "last")}
        return cls(
            answer["frames"],
            answer["incomplete"],
            at["first"]["p50"],
            at["middle"]["p50"],
            at["last"]["p50"],
            at["last"]["p99"],
            answer["arrival"]["p50"],
            answer["arrival"]["p99"],
        )


class Crowd:
    """Listeners to one server. Made by `crowd`."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.size = 0

    async def open(self, count: int, path: str, protocol: str = NONE, *, feed: int = 0, mode: str = "read") -> None:
        """So many more. `mode`: as listeners.c says. Raises RuntimeError when one is not let in."""
        line = f"open {count} {mode} {feed} {protocol} {path}"
        answer = await self.program.ask(line, within=30.0 + count / OPENED_A_SECOND)
        if answer["failed"]:
            raise RuntimeError(f"{answer['failed']} of {count} listeners were not let in")
        self.size += count

    async def mark(self) -> None:
        """Forgets what came."""
        await self.program.ask("mark")

    async def heard(self, frames: int, within: float = 10.0, feed: str = "all") -> Heard:
        """What came since the mark, as soon as so many frames have. Raises TimeoutError, with what had come."""
        until = perf_counter() + within
        while (answer := await self.program.ask(f"report {feed}"))["frames"] < frames:
            if perf_counter() > until:
                raise TimeoutError(f"{frames} frames are awaited: {answer}")
            await asyncio.sleep(0.02)
        return Heard.read(answer)


@asynccontextmanager
async def crowd(port: int, *, core: int | None = None, heartbeat: float = 0.0) -> AsyncIterator[Crowd]:
    """A load client, without connections yet. `heartbeat`: every so many seconds on each; 0: never."""
    command: list[str | Path] = [compiled("listeners"), str(port), str(round(heartbeat * 1000))]
    async with started("listeners", command, core=core) as program:
        yield Crowd(program)
