"""Lists of engines in transcription_svc, over real sockets: who hears the speaker, and what the speaker is told."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from chassis.calling import connect
from chassis.errors import Unavailable, rpc_errors
from chassis.ranking import Ranking
from protos.synthesis.v1.synthesis_pb2_grpc import add_SynthesisServiceServicer_to_server
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import (
    TranscriptionServiceStub,
    add_TranscriptionServiceServicer_to_server,
)
from protos.translation.v1.translation_pb2_grpc import add_TranslationServiceServicer_to_server
from tests.contract.test_broadcast import FORMAT, config, sending, sources, talk
from tests.fakes.downstream import FakeSynthesis, FakeTranslation
from tests.fakes.hearing import Fault, HearingRecognizer, said
from tests.fakes.serving import served
from transcription_svc.bulletin import StandIns
from transcription_svc.domain.events import Warned
from transcription_svc.downstream import open_downstream
from transcription_svc.engines import Recognizer
from transcription_svc.recognizers import Recognizers
from transcription_svc.servicer import Transcription

if TYPE_CHECKING:
    from protos.transcription.v1.transcription_pb2_grpc import TranscriptionServiceAsyncStub


@asynccontextmanager
async def serving(*engines: HearingRecognizer) -> AsyncIterator["TranscriptionServiceAsyncStub"]:
    listed: Mapping[str, Recognizer] = {engine.name: engine for engine in engines}
    async with AsyncExitStack() as stack:
        below = await stack.enter_async_context(
            served(
                partial(add_TranslationServiceServicer_to_server, FakeTranslation((("en", "es"), ("pt", "es")))),
                partial(add_SynthesisServiceServicer_to_server, FakeSynthesis()),
            )
        )
        downstream = await stack.enter_async_context(open_downstream(below, below))
        servicer = Transcription(Recognizers(Ranking("recognition", listed)), downstream, 10)
        address = await stack.enter_async_context(served(partial(add_TranscriptionServiceServicer_to_server, servicer)))
        yield TranscriptionServiceStub(await stack.enter_async_context(connect(address)))


async def broadcast(stub: "TranscriptionServiceAsyncStub", words: int) -> list[pb.BroadcastResponse]:
    """As fast as it is taken."""
    audio = said(range(words))
    steps = talk(len(audio) / 32_000)
    for index, step in enumerate(steps):
        step.audio.audio = audio[index * 3200 : (index + 1) * 3200]
    with rpc_errors():
        return [response async for response in stub.Broadcast(sending(config(), *steps))]


def warnings(responses: list[pb.BroadcastResponse]) -> list[str]:
    return [each.warning.reason for each in responses if each.HasField("warning")]


def texts(words: int) -> list[str]:
    return [f"w{number}" for number in range(words)]


async def test_a_broadcast_moves_to_the_next_engine_with_all_its_words() -> None:
    first = HearingRecognizer("first", faults=[Fault("tell", 1.0), *[Fault("setup")] * 9])
    async with serving(first, HearingRecognizer("second")) as stub:
        out = await broadcast(stub, 12)
        again = await broadcast(stub, 3)
    assert out[0].started.recognition_engine == "first"
    assert " ".join(sources(out)).split() == texts(12)
    assert warnings(out) == ["RECOGNITION_INTERRUPTED", "RECOGNITION_RECOVERED", "ENGINE_CHANGED"]
    # The next broadcast begins where the last one ended up.
    assert again[0].started.recognition_engine == "second"
    assert " ".join(sources(again)).split() == texts(3)
    assert warnings(again) == ["ENGINE_CHANGED"]
    assert len(first.opened) == 2


async def test_when_no_engine_is_left_the_broadcast_ends_with_the_reason() -> None:
    engines = [HearingRecognizer(name, faults=[Fault("setup")] * 9) for name in ("first", "second")]
    async with serving(*engines) as stub:
        with pytest.raises(Unavailable) as caught, rpc_errors():
            async for _ in stub.Broadcast(sending(config(), *talk(0.1), 30.0)):
                pass
    assert caught.value.reason == "TRANSCRIPTION_FAILED"


async def test_plain_recognition_is_opened_by_the_first_engine_that_can() -> None:
    async def asked() -> AsyncIterator[pb.StreamingRecognizeRequest]:
        yield pb.StreamingRecognizeRequest(config=pb.RecognitionConfig(language="en", audio_format=FORMAT))
        yield pb.StreamingRecognizeRequest(audio=said(range(3)))

    first, second = HearingRecognizer("first", faults=[Fault("open")] * 9), HearingRecognizer("second")
    async with serving(first, second) as stub:
        with rpc_errors():
            out = [response async for response in stub.StreamingRecognize(asked())]
    assert [word.text for word in out[-1].words] == texts(3)
    assert (len(first.opened), len(second.opened)) == (1, 1)


async def test_a_language_is_listed_while_an_engine_with_it_is_well_and_its_speaker_may_always_try_again() -> None:
    async def listed() -> list[str]:
        with rpc_errors():
            return [each.language for each in (await stub.ListLanguages(pb.ListLanguagesRequest())).sources]

    first = HearingRecognizer("first", languages=frozenset({"en", "pt"}), faults=[Fault("setup")] * 9)
    async with serving(first, HearingRecognizer("second")) as stub:
        assert await listed() == ["en", "pt"]
        await broadcast(stub, 3)
        assert await listed() == ["en"]
        with pytest.raises(Unavailable, match="TRANSCRIPTION_FAILED"), rpc_errors():
            async for _ in stub.Broadcast(sending(config(language="pt"), *talk(0.1), 30.0)):
                pass


async def test_a_stand_in_is_told_once_and_its_end_too_however_many_segments_and_languages() -> None:
    told: list[str] = []

    async def warn(warned: Warned) -> None:
        told.append(warned.reason)

    stand_ins = StandIns("translation", warn)
    for language, fallback in [("es", True), ("es", True), ("pt", True), ("ja", False), ("es", True), ("pt", False)]:
        await stand_ins.made(language, fallback=fallback)
    assert told == ["ENGINE_CHANGED", "ENGINE_RECOVERED"]
    await stand_ins.made("es", fallback=False)
    assert told == ["ENGINE_CHANGED", "ENGINE_RECOVERED"]
