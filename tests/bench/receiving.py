"""Measures what comes from speakers: a hundred of them into one edge process, and controls in a full session.

The edge and session_svc (over SQLite) are real processes; recognition is one that notes when each frame comes
(`receipts`), and the speakers are another (`talkers`), so that neither waits for what is measured. Every frame carries
when it was sent: what is called the edge's delay here contains the way to it over loopback.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, time
from typing import Any

from chassis.pcm import byte_count
from chassis.supervision import cpu_seconds
from chassis.system import PARTS, ROOT, Part, System, launched
from edge.auth import LocalIssuer
from tests.bench import talkers
from tests.bench.crowd import Socket, opened, told
from tests.bench.report import machine, percentile, table

FRAME_SECONDS = 0.02
FRAME_BYTES = byte_count(FRAME_SECONDS)
PACKAGES = ("aiohttp", "grpcio", "protobuf", "uvloop")
PROCESSES = ("edge", "transcription", "session")
LOAD = {
    # Each socket says that it comes from an address of its own: limits cost what they cost, and refuse nobody.
    "EDGE_TRUSTED_PROXIES": "1",
    # The controls of a person are seconds apart.
    "EDGE_MESSAGES_PER_SECOND": "10000",
    "EDGE_DRAIN_SECONDS": "1",
}
CONTROLS: tuple[tuple[bytes, dict[str, object]], ...] = (
    (b'"broadcastPaused"', {"action": "pauseBroadcast"}),
    (b'"broadcastResumed"', {"action": "resumeBroadcast"}),
    (b'"volumeChanged"', {"action": "setVolume", "volumeLevel": 0.5}),
    (b'"volumeChanged"', {"action": "setVolume", "volumeLevel": 1.0}),
)
DELAY_GOAL, SHARE_GOAL, CONTROL_GOAL = 0.05, 0.4, 0.1


@dataclass(frozen=True)
class Sizes:
    """How much is measured. `warm_seconds`: of speech before it counts."""

    speakers: int = 100
    warm_seconds: float = 3.0
    seconds: float = 20.0
    listeners: int = 500
    controls: int = 100


QUICK = Sizes(seconds=5.0, controls=20)


@dataclass
class Findings:
    """All of a run; times in seconds. `processors`: of each process, while all spoke and nothing else was done."""

    sizes: Sizes
    frames_sent: int = 0
    frames_heard: int = 0
    missing: int = 0
    disordered: int = 0
    lost: int = 0
    delays: list[float] = field(default_factory=list)
    chunk_delays: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    processors: dict[str, float] = field(default_factory=dict)
    told_quiet: dict[str, list[float]] = field(default_factory=dict)
    told_busy: dict[str, list[float]] = field(default_factory=dict)

    @property
    def dropped(self) -> int:
        """Frames that were sent and are not known to have come once, in order."""
        return abs(self.frames_sent - self.frames_heard) + self.missing + self.disordered

    @property
    def goals(self) -> dict[str, tuple[str, str, bool]]:
        """Of each: the limit, what was measured, whether it was met."""
        delay, share = percentile(self.delays, 0.95), self.processors["edge"]
        controls = {
            f"control to the last of {self.sizes.listeners} listeners, {when}": found["last listener"]
            for when, found in (("nobody speaks", self.told_quiet), ("all speak", self.told_busy))
        }
        return {
            "frames lost, repeated or out of order": ("0", str(self.dropped), not self.dropped and not self.lost),
            "frame received → recogniser called, p95": (
                f"{ms(DELAY_GOAL)} ms", f"{ms(delay)} ms", delay < DELAY_GOAL
            ),
            "edge's share of one processor": (f"{SHARE_GOAL:.2f}", f"{share:.2f}", share <= SHARE_GOAL),
            **{
                f"{what}, p95": (
                    f"{ms(CONTROL_GOAL)} ms",
                    f"{ms(percentile(seconds, 0.95))} ms",
                    percentile(seconds, 0.95) < CONTROL_GOAL,
                )
                for what, seconds in controls.items()
            },
        }  # fmt: skip


async def run(out: Path, sizes: Sizes | None = None) -> Findings:
    """Writes `bench/receiving.md` and `bench/receiving.json` into the folder."""
    found = await measured(sizes or Sizes())
    report = written(found)
    folder = out / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "receiving.md").write_text(report, "utf-8")
    (folder / "receiving.json").write_text(json.dumps(as_json(found), indent=1) + "\n", "utf-8")
    print(report)
    return found


async def measured(sizes: Sizes) -> Findings:
    """All of it: controls in silence, speech, controls while all speak."""
    found = Findings(sizes)
    with tempfile.TemporaryDirectory() as folder:
        receipts = Path(folder) / "receipts"
        env = {**LOAD, "BENCH_RECEIPTS": str(receipts), "BENCH_FRAME_BYTES": str(FRAME_BYTES)}
        noting = Part("transcription", "tests.bench.receipts", "TRANSCRIPTION")
        parts = [noting if part.name == "transcription" else part for part in PARTS if part.name in PROCESSES]
        async with launched(data=Path(folder), env=env, parts=parts, report=print, drain_seconds=3.0) as system:
            issuer = LocalIssuer.open(system.data)
            speaker, listeners = await room(system, sizes.listeners)
            await control(speaker, listeners, sizes.controls, found.told_quiet)
            tokens = [issuer.mint(f"talker-{number}") for number in range(sizes.speakers)]
            async with talking(system.url, tokens, found):
                await asyncio.sleep(sizes.warm_seconds)
                began = time()
                await observe(system, sizes.seconds, found.processors)
                ended = time()
                await control(speaker, listeners, sizes.controls, found.told_busy)
            await gather(receipts, found, began, ended)
    return found


async def room(system: System, count: int) -> tuple[Socket, list[Socket]]:
    """A speaker, and a session full of listeners."""
    speaker, _ = await opened(
        *(system.url, b'"sessionCreated"'), action="createSession", sourceLanguage="en", token=system.speaker_token
    )
    session_id = str(speaker.welcome["sessionId"])
    gate = asyncio.Semaphore(talkers.AT_ONCE)

    async def join(language: str) -> Socket:
        async with gate:
            socket, _ = await opened(system.url, b'"sessionJoined"', sessionId=session_id, targetLanguage=language)
            return socket

    async with asyncio.TaskGroup() as tasks:
        joining = [tasks.create_task(join(language)) for language in islice(cycle(("es", "pt", "fr")), count)]
    return speaker, [each.result() for each in joining]


async def control(speaker: Socket, listeners: Sequence[Socket], count: int, found: dict[str, list[float]]) -> None:
    """Pause, resume, volume: until the speaker is told, and until the last listener is."""
    for answer, message in islice(cycle(CONTROLS), count):
        own, *others = await told([speaker, *listeners], answer, partial(speaker.send, **message))
        found.setdefault("speaker", []).append(own)
        found.setdefault("last listener", []).append(max(others))
        await asyncio.sleep(0.05)  # Nobody's finger is quicker.


@asynccontextmanager
async def talking(url: str, tokens: list[str], found: Findings) -> AsyncIterator[None]:
    """Everybody speaks while the block runs; what they did is noted after it."""
    talker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.talkers"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 26,
    )
    assert talker.stdin is not None
    assert talker.stdout is not None
    try:
        task = talkers.Task(url, tokens, FRAME_BYTES, FRAME_SECONDS)
        talker.stdin.write(json.dumps(asdict(task)).encode() + b"\n")
        async with asyncio.timeout(120):
            line = await talker.stdout.readline()
        if line.decode().strip() != talkers.READY:
            raise RuntimeError("the talkers were not let in")
        began, used = perf_counter(), cpu_seconds([talker.pid])
        yield
        found.processors["talkers"] = (cpu_seconds([talker.pid]) - used) / (perf_counter() - began)
        talker.stdin.close()
        async with asyncio.timeout(120):
            sent = talkers.Sent(**json.loads(await talker.stdout.readline()))
            await talker.wait()
        found.frames_sent, found.late, found.lost = sent.frames, sent.late, sent.lost
    finally:
        if talker.returncode is None:
            talker.kill()
            await talker.wait()


async def observe(system: System, seconds: float, found: dict[str, float]) -> None:
    """How much of a processor each process uses meanwhile."""
    before = {name: cpu_seconds([system.pids[name]]) for name in PROCESSES}
    began = perf_counter()
    await asyncio.sleep(seconds)
    elapsed = perf_counter() - began
    for name in PROCESSES:
        found[name] = (cpu_seconds([system.pids[name]]) - before[name]) / elapsed


async def gather(receipts: Path, found: Findings, began: float, ended: float) -> None:
    """What the recogniser noted, once the last broadcast is over; times of what came between two moments."""
    async with asyncio.timeout(60):
        while len(lines(receipts)) < found.sizes.speakers:  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.2)
    for line in lines(receipts):
        broadcast = json.loads(line)
        found.frames_heard += len(broadcast["frames"])
        found.missing += broadcast["missing"]
        found.disordered += broadcast["disordered"]
        found.delays += [delay for sent, delay in broadcast["frames"] if began <= sent < ended]
        found.chunk_delays += [delay for at, delay in broadcast["chunks"] if began <= at < ended]


def lines(path: Path) -> list[str]:
    """The whole lines of a file, which may not be there yet."""
    return [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")] if path.exists() else []


def as_json(found: Findings) -> dict[str, Any]:
    """All figures, times as percentiles in milliseconds."""
    whole = asdict(found)
    for name in ("delays", "chunk_delays", "late"):
        whole[name] = spread(whole[name])
    for name in ("told_quiet", "told_busy"):
        whole[name] = {who: spread(seconds) for who, seconds in whole[name].items()}
    goals = {what: {"limit": limit, "measured": value, "met": met} for what, (limit, value, met) in found.goals.items()}
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "goals": goals, **whole}


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """How many, percentiles and the longest, in milliseconds."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {"n": len(seconds), **{name: 1000 * percentile(seconds, share) for name, share in shares.items()}}


def written(found: Findings) -> str:
    """The report in Markdown."""
    sizes = found.sizes
    rate = sizes.speakers / FRAME_SECONDS
    chunks = len(found.chunk_delays) / sizes.seconds
    rows = {
        "frame sent → recogniser called": found.delays,
        "chunk's first frame received → recogniser called": found.chunk_delays,
        "the talkers' own delay (not contained)": found.late,
        "control, nobody speaks: speaker told": found.told_quiet["speaker"],
        "control, nobody speaks: last listener told": found.told_quiet["last listener"],
        "control, all speak: speaker told": found.told_busy["speaker"],
        "control, all speak: last listener told": found.told_busy["last listener"],
    }
    return "\n".join(
        [
            "# Bench of receiving",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}, {machine()}; {', '.join(f'{name} {version(name)}' for name in PACKAGES)}.",
            f"{sizes.speakers} speakers with {1 / FRAME_SECONDS:.0f} frames a second of {FRAME_BYTES} bytes each, into",
            f"one edge process for {sizes.seconds:g} s; a session with {sizes.listeners} listeners for the controls.",
            "Recognition, speakers and listeners are processes of their own on the same machine.",
            "",
            *table(("goal", "limit", "measured", ""), [verdict(what, *goal) for what, goal in found.goals.items()]),
            *table(("ms", "n", "p50", "p95", "p99", "longest"), [timed(what, times) for what, times in rows.items()]),
            *table(
                ("processors used while all spoke", ""),
                [(name, f"{share:.2f}") for name, share in found.processors.items()],
            ),
            f"{rate:.0f} frames a second came to the edge and {chunks:.0f} chunks a second left it: "
            f"{1e6 * found.processors['edge'] / rate:.0f} µs of a processor for each frame, all included.",
            "",
        ]
    )


def verdict(what: str, limit: str, value: str, met: bool) -> tuple[str, ...]:
    return what, limit, value, "met" if met else "**missed**"


def timed(what: str, seconds: Sequence[float]) -> list[str]:
    n, *rest = spread(seconds).values()
    return [what, f"{n:.0f}", *(f"{value:.1f}" for value in rest)]


def ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}".removesuffix(".0")
