"""One language's lane by itself: that it ends when it is told to, and what it leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from transcription_svc.domain.dynamics import NEUTRAL
from transcription_svc.domain.events import Caption, Output
from transcription_svc.downstream import Downstream, VoiceBegun
from transcription_svc.lane import Lane
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces


class LongVoice(Downstream):
    """Speaks without end."""

    def __init__(self) -> None: ...

    async def synthesize(self, text: str, language: str, **_: Any) -> AsyncIterator[VoiceBegun | bytes]:
        yield VoiceBegun(1.0)
        while True:
            yield bytes(3200)


async def test_a_lane_whose_audio_nobody_takes_ends_when_it_is_cancelled() -> None:
    traces, stuck, asked = SegmentTraces("s"), asyncio.Event(), asyncio.Event()

    async def emit(event: Output) -> None:
        if not isinstance(event, Caption):
            asked.set()
            await stuck.wait()

    lane = Lane("es", "standard", LongVoice(), emit, traces, offer=lambda _: True)
    segment = Segment(1, "One.", 0.0, 1.0, 1.0, NEUTRAL, traces.open(1, 0.0))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(lane.run())
        await lane.expect(segment)
        await lane.translated(segment, "Uno.")
        await asked.wait()
        for _ in range(50):
            await asyncio.sleep(0)  # Until every queue between the voice and `emit` is full.
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=5.0)
        if not done:
            lane._voice._events.close()  # Lets the test end, to fail.
    assert done


async def test_a_lane_that_rests_forgets_its_lag() -> None:
    traces, heard = SegmentTraces("s"), asyncio.Event()

    async def emit(event: Output) -> None:
        if not isinstance(event, Caption):
            heard.set()

    lane = Lane("es", "standard", LongVoice(), emit, traces, offer=lambda _: True)
    segment = Segment(1, "One.", 0.0, 1.0, 1.0, NEUTRAL, traces.open(1, 0.0))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(lane.run())
        await lane.expect(segment)
        await lane.translated(segment, "Uno.")
        await heard.wait()
        assert lane.lag_seconds is not None
        await lane.rest()
        assert lane.lag_seconds is None
        running.cancel()
