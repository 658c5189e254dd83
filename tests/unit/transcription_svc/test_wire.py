"""What the border of transcription_svc makes of a caller's messages."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis.errors import Invalid
from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from transcription_svc import wire
from transcription_svc.domain.events import AudioIn, Options
from transcription_svc.pipeline import segmenting

SECOND = bytes(32_000)


async def heard(*offsets: float, received_at: int = 1_000) -> list[AudioIn]:
    async def requests() -> AsyncIterator[pb.BroadcastRequest]:
        for offset in offsets:
            chunk = pb.AudioChunk(audio=SECOND)
            chunk.start_offset.FromTimedelta(timedelta(seconds=offset))
            chunk.received_at.FromSeconds(received_at)
            yield pb.BroadcastRequest(audio=chunk)

    return [event async for event in wire.inputs(requests()) if isinstance(event, AudioIn)]


async def test_offsets_go_on_and_may_jump_ahead() -> None:
    assert [event.offset for event in await heard(0.0, 1.0, 60.0)] == [0.0, 1.0, 60.0]


async def test_an_offset_rounded_down_is_taken_as_the_end_of_the_chunk_before() -> None:
    assert [event.offset for event in await heard(0.0005, 1.0)] == [0.0005, 1.0005]


@pytest.mark.parametrize("offsets", [(0.0, 0.5), (10.0, 3.0), (-1.0,)])
async def test_an_offset_that_goes_back_is_refused(offsets: tuple[float, ...]) -> None:
    with pytest.raises(Invalid) as caught:
        await heard(*offsets)
    assert caught.value.reason == "INVALID_PARAMETER"


async def test_audio_that_does_not_say_when_it_was_received_was_received_now() -> None:
    before = time.time()
    event = (await heard(0.0, received_at=0))[0]
    assert before <= event.received_at <= time.time()


def options(buffer: float) -> Options:
    config = pb.BroadcastConfig(
        source_language="en",
        audio_format=audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16_000),
    )
    config.max_buffer.FromTimedelta(timedelta(seconds=buffer))
    return wire.options(config)


@pytest.mark.parametrize(("asked", "buffer", "hold"), [(0.0, 10.0, 5.0), (2.0, 2.0, 2.0), (10.0, 10.0, 5.0)])
def test_the_bound_on_waiting_text_is_the_callers_and_never_lengthens_the_hold(
    asked: float, buffer: float, hold: float
) -> None:
    numbers = segmenting(options(asked))
    assert (numbers.buffer_seconds, numbers.hold_seconds) == (buffer, hold)


@pytest.mark.parametrize("asked", [1.9, 10.1, -2.0])
def test_a_bound_outside_its_range_is_refused(asked: float) -> None:
    with pytest.raises(Invalid):
        options(asked)
