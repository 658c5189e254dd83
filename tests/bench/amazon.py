"""What a stream at Amazon Transcribe costs this machine, over either wire: the stand-in is a process of its own, and so
are the streams, which are fed at the speed of speech by the loop that production uses.

`python -m tests.bench.amazon websocket 50 20` is one such process: 50 streams for 20 s.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import uvloop

from chassis.pcm import SAMPLE_RATE, to_bytes
from chassis.settings import load
from chassis.system import ROOT
from tests.bench.report import machine, percentile, table
from transcription_svc.config import Config
from transcription_svc.engines import Recognizer, StreamOptions
from transcription_svc.engines.aws import open_engine

TRANSPORTS = {"websocket": "transcribe-tls", "http2": "transcribe-http2"}
STREAMS = (10, 50)
SECONDS = 20.0
STEP = 0.1
# Deadline of one process, beyond the time that it measures.
SETUP_SECONDS = 90.0


@dataclass(frozen=True)
class Finding:
    """`cpu`: processor seconds per second, feeding included. `answers`: from a piece of audio to the results that it
    brings, seconds. `threads`: of the process, with all streams open."""

    transport: str
    streams: int
    cpu: float
    hypotheses: int
    answers: tuple[float, float]
    threads: int
    megabytes: float


async def run(out: Path, streams: Sequence[int] = STREAMS, seconds: float = SECONDS) -> None:
    """Measures both wires and writes `amazon.md`."""
    findings = [await measured(transport, count, seconds) for count in streams for transport in TRANSPORTS]
    text = written(findings, seconds)
    (out / "bench-amazon.md").write_text(text)
    print(text)


async def measured(transport: str, streams: int, seconds: float) -> Finding:
    """One process of streams beside one of the stand-in."""
    async with stand_in(transport) as environment:
        arguments = ["-m", "tests.bench.amazon", transport, str(streams), str(seconds)]
        child = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=ROOT, env=os.environ | environment, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(seconds + SETUP_SECONDS):
                said, _ = await child.communicate()
        except TimeoutError:
            child.kill()
            await child.wait()
            raise
    found = json.loads(said)
    return Finding(**found | {"answers": tuple(found["answers"])})


@asynccontextmanager
async def stand_in(transport: str) -> AsyncIterator[dict[str, str]]:
    """A stand-in of its own, and the environment that leads to it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.amazon", TRANSPORTS[transport], cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(SETUP_SECONDS):
            yield json.loads(await child.stdout.readline())
    finally:
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await child.wait()


def written(findings: Sequence[Finding], seconds: float) -> str:
    """The report."""
    rows = [
        [
            each.transport,
            str(each.streams),
            f"{100 * each.cpu:.1f} %",
            f"{100 * each.cpu / each.streams:.2f} %",
            f"{1000 * each.answers[0]:.0f} / {1000 * each.answers[1]:.0f}",
            f"{each.hypotheses / each.streams / seconds:.1f}",
            str(each.threads),
            f"{each.megabytes:.0f}",
        ]
        for each in findings
    ]
    head = ["wire", "streams", "CPU", "a stream", "answer p50 / p95, ms", "hypotheses a second", "threads", "MB"]
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "amazon-transcribe", "awscrt", "uvloop"))
    return "\n".join(
        [
            "# Streams at Amazon Transcribe",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}, load {os.getloadavg()[0]:.1f}; {packages}.",
            f"{seconds:.0f} s of speech and pauses at the speed of speech, over TLS, to a stand-in in another process.",
            "CPU of one core, of the process with the streams, feeding included.",
            "",
            *table(head, rows),
            "",
        ]
    )


def talk() -> bytes:
    """2 s of sound, 1 s of silence."""
    sound = np.random.default_rng(7).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    return to_bytes(sound) + bytes(2 * SAMPLE_RATE)


class Feed:
    """One stream, and what it was told when."""

    def __init__(self, audio: bytes) -> None:
        self._audio = audio
        self._sent_at = 0.0
        self.answers: list[float] = []

    async def run(self, engine: Recognizer, seconds: float, opened: asyncio.Barrier) -> None:
        """Opens with all others, and feeds."""
        async with engine.open(StreamOptions("en")) as stream, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(stream.hypotheses()))
            await opened.wait()
            clock = asyncio.get_running_loop().time
            began = clock()
            for index in range(round(seconds / STEP)):
                await asyncio.sleep(began + index * STEP - clock())
                self._sent_at = clock()
                first = index * 3200 % len(self._audio)
                await stream.send(self._audio[first : first + 3200])
            await opened.wait()
            await stream.finish()

    async def _read(self, hypotheses: AsyncIterator[object]) -> None:
        clock = asyncio.get_running_loop().time
        async for _ in hypotheses:
            self.answers.append(clock() - self._sent_at)


async def streams(transport: str, count: int, seconds: float) -> Finding:
    """In this process; the environment says where."""
    audio = talk()
    feeds = [Feed(audio) for _ in range(count)]
    at_once = asyncio.Barrier(count + 1)
    async with open_engine(load(Config, [])) as engine, asyncio.TaskGroup() as tasks:
        for feed in feeds:
            tasks.create_task(feed.run(engine, seconds, at_once))
        await at_once.wait()
        before, began = cpu(), asyncio.get_running_loop().time()
        threads = len(os.listdir("/proc/self/task"))
        await at_once.wait()
        used = (cpu() - before) / (asyncio.get_running_loop().time() - began)
        answers = [answer for feed in feeds for answer in feed.answers]
    spread = percentile(answers, 0.5), percentile(answers, 0.95)
    return Finding(transport, count, used, len(answers), spread, threads, megabytes())


def megabytes() -> float:
    """Memory that this process has, now. Its maximum, as the kernel counts it, includes whoever started it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def cpu() -> float:
    """Processor seconds of this process so far, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(streams(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))))
