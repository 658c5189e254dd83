"""A recogniser that does not keep up: how much audio waits for it, what goes, and who is told."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from chassis.pcm import BYTES_PER_SECOND
from protos.transcription.v1 import transcription_pb2 as pb
from tests.fakes.edge import Peer, RunningEdge, held, running_edge
from tests.fakes.transcription import FakeStream

WAITS_SECONDS = 5.0
SECOND = bytes(BYTES_PER_SECOND)
PACE_SECONDS = 0.022
"""Between two chunks: fewer than fifty a second."""
MOST_SECONDS = 1_000
"""More than any buffer on the way holds."""


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


async def speak_until_told(speaker: Peer) -> int:
    """One second of audio after the other, until the speaker is told that some was dropped. How many there were."""
    async with asyncio.TaskGroup() as tasks:
        told = tasks.create_task(speaker.expect("transcriptionError"))
        spoken = 0
        while not told.done() and spoken < MOST_SECONDS:
            await speaker.ws.send_bytes(SECOND)
            spoken += 1
            await asyncio.sleep(PACE_SECONDS)
    assert told.result()["code"] == "AUDIO_DROPPED"
    return spoken


def span(chunk: pb.AudioChunk) -> tuple[float, float]:
    """Where it begins and ends, seconds from the session's first sample."""
    begin = chunk.start_offset.ToTimedelta().total_seconds()
    return begin, begin + len(chunk.audio) / BYTES_PER_SECOND


def gaps(stream: FakeStream) -> list[tuple[float, float]]:
    """From where to where audio is missing."""
    spans = [span(chunk) for chunk in stream.audio]
    return [(before[1], after[0]) for before, after in pairwise(spans) if after[0] - before[1] > 0.01]


async def heard_up_to(stream: FakeStream, seconds: float) -> None:
    stream.keeps_up.set()
    await stream.until(lambda: span(stream.audio[-1])[1] > seconds - 0.01)


async def test_of_audio_that_waits_the_newest_five_seconds_stay_and_the_speaker_is_told_once_each_time(
    running: RunningEdge,
) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    stream.keeps_up.clear()
    spoken = await speak_until_told(speaker)
    for _ in range(10):  # More is dropped; it is the same trouble.
        await speaker.ws.send_bytes(SECOND)
        await asyncio.sleep(PACE_SECONDS)
    await speaker.alive()
    await heard_up_to(stream, spoken + 10)
    ((lost_from, lost_to),) = gaps(stream)
    assert lost_from > 0
    assert spoken + 10 - lost_to == pytest.approx(WAITS_SECONDS, abs=0.2)
    assert sum(isinstance(heard, dict) and heard["type"] == "transcriptionError" for heard in speaker.heard) == 1
    await speaker.ws.send_bytes(SECOND)
    await heard_up_to(stream, spoken + 11)  # It keeps up now,
    stream.keeps_up.clear()  # and then no longer.
    await speak_until_told(speaker)


async def test_a_short_stall_of_the_recogniser_loses_nothing(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    stream.keeps_up.clear()
    for _ in range(4):
        await speaker.ws.send_bytes(SECOND)
        await asyncio.sleep(PACE_SECONDS)
    await speaker.alive()
    stream.keeps_up.set()
    await stream.until(lambda: len(stream.bytes_heard) == 4 * BYTES_PER_SECOND)
    assert gaps(stream) == []
