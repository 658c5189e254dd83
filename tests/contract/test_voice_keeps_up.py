"""Voices that are slower than the speaker (T9), and languages that do not wait for each other (T6), over real sockets.

Synthesis is the real service with the scripted engine: 60 ms of voice a character at tempo 1.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from chassis.calling import connect
from protos.synthesis.v1.synthesis_pb2_grpc import add_SynthesisServiceServicer_to_server
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import (
    TranscriptionServiceStub,
    add_TranscriptionServiceServicer_to_server,
)
from protos.translation.v1.translation_pb2_grpc import add_TranslationServiceServicer_to_server
from synthesis_svc.domain.voices import Casting, tiers
from synthesis_svc.engines.scripted import Scripted
from synthesis_svc.servicer import Synthesis
from tests.contract.test_broadcast import audio, captions, config, sending, talk
from tests.fakes.downstream import FakeTranslation
from tests.fakes.recognizer import FakeRecognizer, Line
from tests.fakes.serving import served
from transcription_svc.downstream import open_downstream
from transcription_svc.servicer import Transcription

if TYPE_CHECKING:
    from protos.transcription.v1.transcription_pb2_grpc import TranscriptionServiceAsyncStub

SENTENCE = "one two three four five six seven."  # With its language before it 37 characters: 2.2 s of voice.


@asynccontextmanager
async def lingocast(
    script: list[Line], *, delay: float = 0.0, slow: dict[str, float] | None = None
) -> AsyncIterator["TranscriptionServiceAsyncStub"]:
    """`delay`: of every voice to its first audio; `slow`: more of that, by language. Seconds."""
    engine = Scripted(delay, frozenset(), slow or {})
    synthesis = Synthesis(engine, Casting(engine.voices, {}), tiers(2.0, 6.0))
    async with AsyncExitStack() as stack:
        below = await stack.enter_async_context(
            served(
                partial(add_TranslationServiceServicer_to_server, FakeTranslation()),
                partial(add_SynthesisServiceServicer_to_server, synthesis),
            )
        )
        downstream = await stack.enter_async_context(open_downstream(below, below))
        servicer = Transcription(FakeRecognizer([script]), downstream, 10)
        address = await stack.enter_async_context(served(partial(add_TranscriptionServiceServicer_to_server, servicer)))
        yield TranscriptionServiceStub(await stack.enter_async_context(connect(address)))


def sentences(count: int) -> list[Line]:
    """One a second."""
    return [Line(float(number), SENTENCE, utterance=number) for number in range(1, count + 1)]


async def at_speaking_speed(seconds: float, *languages: str) -> AsyncIterator[pb.BroadcastRequest]:
    """Audio as a microphone gives it."""
    yield config(*languages)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for index in range(round(seconds * 10)):
        await asyncio.sleep(began + index / 10 - loop.time())
        yield audio(index)


def starts(responses: list[pb.BroadcastResponse], language: str) -> list[pb.CueStart]:
    found = (each.cue_start for each in responses if each.HasField("cue_start"))
    return [start for start in found if start.language == language]


async def test_a_voice_half_as_fast_as_the_speaker_keeps_up_by_tempo_and_by_dropping_and_tells() -> None:
    """Twelve sentences in as many seconds, each 2.2 s of voice."""
    count = 12
    async with lingocast(sentences(count), delay=0.2) as stub:
        out = [response async for response in stub.Broadcast(at_speaking_speed(count + 0.5, "es"))]
    assert len(captions(out, "es")) == count
    spoken = starts(out, "es")
    dropped = [each.cues_dropped for each in out if each.HasField("cues_dropped")]
    gone = [segment for drop in dropped for segment in drop.segment_ids]
    assert {drop.reason for drop in dropped} == {"LAG_LIMIT"}
    assert all(drop.audio_duration.ToMilliseconds() > 1000 for drop in dropped)
    assert sorted(gone + [start.segment_id for start in spoken]) == list(range(1, count + 1))
    # At most eight seconds wait, then the cue under way; the rest is this machine's share.
    assert max(start.lag.ToMilliseconds() for start in spoken) < 13_000
    tempos = [1.0, *(start.tempo for start in spoken)]
    assert max(tempos) > 1.1
    assert max(later - earlier for earlier, later in pairwise(tempos)) < 0.051
    told = [each.lag_report.voice_lag["es"].ToMilliseconds() for each in out if each.HasField("lag_report")]
    assert told[-1] > 3_000


async def test_a_voice_that_takes_nearly_three_seconds_delays_no_other_language() -> None:
    async with lingocast(sentences(3), slow={"pt": 2.8}) as stub:
        out = [response async for response in stub.Broadcast(sending(config("de", "es", "pt"), *talk(3.5)))]
    order = [each.cue_start.language for each in out if each.HasField("cue_start")]
    # The others' first two cues leave while Portuguese still has none.
    assert order.index("pt") >= 4
    assert order.count("de") == order.count("es") == 3
    dropped = [each.cues_dropped for each in out if each.HasField("cues_dropped")]
    assert {drop.language for drop in dropped} <= {"pt"}
    assert order.count("pt") + sum(len(drop.segment_ids) for drop in dropped) == 3


async def test_three_languages_take_at_most_a_fifth_longer_than_one() -> None:
    async def took(*languages: str) -> float:
        loop = asyncio.get_running_loop()
        async with lingocast(sentences(2), delay=0.3) as stub:
            began = loop.time()
            out = [response async for response in stub.Broadcast(sending(config(*languages), *talk(2.5)))]
            elapsed = loop.time() - began
        assert all(len(starts(out, language)) == 2 for language in languages)
        return elapsed

    # A busy machine may spoil one try of both; it does not spoil three.
    ratios = []
    for _ in range(3):
        ratios.append(await took("de", "es", "pt") / await took("es"))
        if ratios[-1] <= 1.2:
            break
    assert min(ratios) <= 1.2
