"""Programs of the load benches: started, told by lines, answered by JSON, watched from outside, and always ended."""

import asyncio
import json
import os
import resource
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from chassis.system import ROOT

Answer = dict[str, Any]

START_SECONDS: Final = 60.0
END_SECONDS: Final = 20.0
_PAGE: Final = resource.getpagesize()
_CPU_CLOCK: Final = 2
"""Which of a process's clocks: what the scheduler counted, in nanoseconds (CPUCLOCK_SCHED of the kernel)."""


class Program:
    """One that runs. `hello`: its first line."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, hello: Answer) -> None:
        self.name = name
        self.hello = hello
        self._process = process

    async def ask(self, line: str, within: float = 30.0) -> Answer:
        """Its answer to a line. Raises TimeoutError, and RuntimeError when it has ended."""
        assert self._process.stdin is not None
        with suppress(ConnectionError):
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
        async with asyncio.timeout(within):
            return await _answer(self.name, self._process)

    def cpu(self) -> float:
        """Processor seconds so far, user and system, of all its threads."""
        return time.clock_gettime(~self._process.pid << 3 | _CPU_CLOCK)

    def rss(self) -> int:
        """Bytes of memory that it holds now. What the kernel keeps for its sockets is not in it."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE

    def pin(self, core: int) -> None:
        """To one core, with all threads that it has and will have."""
        for thread in os.listdir(f"/proc/{self._process.pid}/task"):
            os.sched_setaffinity(int(thread), {core})


@asynccontextmanager
async def started(
    name: str, command: Sequence[str | Path], *, core: int | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Runs a program that says a line of JSON when it is ready, and ends when its stdin does."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            program = Program(name, process, await _answer(name, process))
        if core is not None:
            program.pin(core)
        yield program
    finally:
        await _ended(process)


async def _answer(name: str, process: asyncio.subprocess.Process) -> Answer:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError(f"{name} has ended")
    answer: Answer = json.loads(line)
    return answer


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
