"""Engines that fail and come back, through the five real processes: Amazon's stand-ins first, the scripted ones next.

The stand-ins are a process of their own that is not there at the start, comes, is killed in mid-sentence, and comes
again; the talk goes on throughout.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chassis.probing import free_port
from chassis.system import ROOT, launched
from edge.client import Listener, Speaker, SystemRecovered, TranscriptionError, pace
from tests.e2e.talks import Received, noise, silence

SENTENCE = noise(2.5) + silence(1.5)
# A rest that a test can wait for.
QUICK = {
    f"{service}_FAILOVER_{name}": value
    for service in ("TRANSCRIPTION", "TRANSLATION", "SYNTHESIS")
    for name, value in {"FAILURES": "3", "SECONDS": "2", "SETUP_SECONDS": "2"}.items()
}


class Amazon:
    """The stand-ins as a process, always on the same ports."""

    def __init__(self) -> None:
        self._arguments = [f"{part}={free_port()}" for part in ("transcribe", "translate", "polly")]
        self._process: Process | None = None

    async def begin(self) -> dict[str, str]:
        """Serves. The environment that makes services use it."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.amazon", *self._arguments), cwd=ROOT, stdout=PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            environment: dict[str, str] = json.loads(await self._process.stdout.readline())
        return environment

    async def kill(self) -> None:
        """All connections are reset."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def amazon() -> AsyncIterator[Amazon]:
    running = Amazon()
    try:
        yield running
    finally:
        await running.kill()


async def talk_on(speaker: Speaker) -> None:
    """Sentence after sentence at the speed of speech, until cancelled."""
    while True:
        async for chunk in pace(SENTENCE):
            await speaker.send(chunk)


def changes(told: Received) -> list[str]:
    """`gone` whenever another engine than the preferred one began to recognise, `back` at its return."""
    kinds = {TranscriptionError: "gone", SystemRecovered: "back"}
    return [
        kinds[type(event)]
        for event in told.events
        if isinstance(event, TranscriptionError | SystemRecovered)
        and event.code == "ENGINE_CHANGED"
        and event.message.startswith("recognition")
    ]


async def test_a_talk_goes_on_while_amazon_comes_and_goes(tmp_path: Path) -> None:
    async with amazon() as there, asyncio.timeout(150):
        environment = await there.begin()
        await there.kill()
        env = {**environment, **QUICK, "EDGE_LIMIT_ADDRESSES": "false"}
        async with launched(data=tmp_path, engines="aws,scripted", env=env) as system:
            told, heard = Received(), Received()
            async with (
                Speaker.open(system.url, await system.mint("faithful")) as speaker,
                Listener.open(system.url, speaker.session_id, "es") as listener,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(told.read(speaker))
                tasks.create_task(heard.read(listener))
                talking = tasks.create_task(talk_on(speaker))

                async def until_heard_on(expected: list[str]) -> None:
                    await told.until(lambda so_far: changes(so_far) == expected, 60)
                    captioned = len(heard.finals)
                    await heard.until(lambda so_far: len(so_far.finals) > captioned + 1, 60)

                # Dead at the start: the second engine in the list serves.
                await until_heard_on(["gone"])
                # It recovers, and takes over between two sentences.
                await there.begin()
                await until_heard_on(["gone", "back"])
                # It dies with words on its way.
                await told.until(Received.open_segment)
                await there.kill()
                await until_heard_on(["gone", "back", "gone"])
                await there.begin()
                await until_heard_on(["gone", "back", "gone", "back"])
                talking.cancel()
                await speaker.end()
                await heard.ended()
            heard.check_in_order()
            ids = [caption.segment_id for caption in told.source_finals]
            assert ids == list(range(1, len(ids) + 1))
            assert "engine_changed" in system.log("transcription")
