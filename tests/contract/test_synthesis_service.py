"""The synthesis API over a real socket, as synthesis.proto promises it, with the scripted engine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest

from chassis import pcm
from chassis.errors import from_rpc
from protos.audio.v1 import audio_pb2
from protos.synthesis.v1 import synthesis_pb2
from protos.synthesis.v1.synthesis_pb2_grpc import SynthesisServiceStub, add_SynthesisServiceServicer_to_server
from synthesis_svc.config import Config
from synthesis_svc.domain.framing import MAX_CHUNK_BYTES
from synthesis_svc.domain.voices import Casting, tiers
from synthesis_svc.engines import Order, Speech, Synthesizer, open_engine
from synthesis_svc.servicer import Synthesis
from tests.fakes.serving import served

if TYPE_CHECKING:  # The stub of asyncio exists in the types only.
    from protos.synthesis.v1.synthesis_pb2_grpc import SynthesisServiceAsyncStub

SENTENCE = "Die Stadt ist voll von Menschen, die durch die Straßen gehen."


@asynccontextmanager
async def serving(engine: Synthesizer) -> AsyncIterator["SynthesisServiceAsyncStub"]:
    service = Synthesis(engine, Casting(engine.voices, {}), tiers(2.0, 6.0))
    async with (
        served(partial(add_SynthesisServiceServicer_to_server, service)) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield SynthesisServiceStub(channel)


@pytest.fixture
async def stub() -> AsyncIterator["SynthesisServiceAsyncStub"]:
    async with open_engine(Config(ENGINES="scripted", scripted_failing="fr")) as engine, serving(engine) as connected:
        yield connected


def asked(text: str = SENTENCE, language: str = "de", **fields: object) -> synthesis_pb2.SynthesizeRequest:
    return synthesis_pb2.SynthesizeRequest(text=text, language=language, **fields)  # type: ignore[arg-type]


async def events(
    stub: "SynthesisServiceAsyncStub", request: synthesis_pb2.SynthesizeRequest
) -> list[synthesis_pb2.SynthesizeResponse]:
    return [event async for event in stub.Synthesize(request, timeout=10)]


async def reason(stub: "SynthesisServiceAsyncStub", request: synthesis_pb2.SynthesizeRequest) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await events(stub, request)
    return from_rpc(failed.value).reason


async def test_started_comes_first_and_finished_last(stub: "SynthesisServiceAsyncStub") -> None:
    started, *audio, finished = [event.WhichOneof("event") for event in await events(stub, asked())]
    assert (started, finished) == ("started", "finished")
    assert set(audio) == {"audio"}


async def test_started_says_who_speaks_how(stub: "SynthesisServiceAsyncStub") -> None:
    dynamics = audio_pb2.Dynamics(rate=audio_pb2.RATE_CLASS_VERY_FAST)
    started = (await events(stub, asked(dynamics=dynamics, tempo=1.25)))[0].started
    assert (started.voice, started.engine) == ("scripted/de", "scripted")
    assert started.format.sample_rate_hertz == 16_000
    assert started.format.encoding == audio_pb2.AUDIO_ENCODING_PCM_S16LE
    assert started.tempo == 1.5


async def test_chunks_are_whole_samples_and_bounded(stub: "SynthesisServiceAsyncStub") -> None:
    chunks = [event.audio for event in await events(stub, asked()) if event.WhichOneof("event") == "audio"]
    assert len(chunks) > 10
    assert all(0 < len(chunk) <= MAX_CHUNK_BYTES == 6_400 and len(chunk) % 2 == 0 for chunk in chunks)


async def test_the_duration_is_that_of_the_bytes(stub: "SynthesisServiceAsyncStub") -> None:
    *others, last = await events(stub, asked())
    audio = b"".join(event.audio for event in others)
    finished = last.finished
    assert finished.audio_duration.ToTimedelta().total_seconds() == pytest.approx(pcm.seconds(audio), abs=1e-6)
    assert finished.first_chunk_time.ToTimedelta() <= finished.total_time.ToTimedelta()


@pytest.mark.parametrize("text", ["...", "?!", " — ", "👋"])
async def test_nothing_to_say_is_no_audio(stub: "SynthesisServiceAsyncStub", text: str) -> None:
    started, finished = await events(stub, asked(text))
    assert started.started.voice == "scripted/de"
    assert finished.finished.audio_duration.ToTimedelta().total_seconds() == 0


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (asked(""), "EMPTY_TEXT"),
        (asked(" \n"), "EMPTY_TEXT"),
        (asked(language="xx"), "UNSUPPORTED_LANGUAGE"),
        (asked(language="not a code"), "UNSUPPORTED_LANGUAGE"),
        (asked(language=""), "UNSUPPORTED_LANGUAGE"),
        (asked(voice="kokoro/nobody"), "UNKNOWN_VOICE"),
        (asked(voice="scripted/es"), "UNKNOWN_VOICE"),
        (asked(tempo=-1.0), "INVALID_PARAMETER"),
        (asked(tempo=float("nan")), "INVALID_PARAMETER"),
        (asked(quality_tier="gold"), "INVALID_PARAMETER"),
        (asked("x" * 6_001), "INVALID_PARAMETER"),
        (asked(language="fr"), "SYNTHESIS_FAILED"),
    ],
)
async def test_what_is_wrong_is_named(
    stub: "SynthesisServiceAsyncStub", request_: synthesis_pb2.SynthesizeRequest, expected: str
) -> None:
    assert await reason(stub, request_) == expected


async def test_absent_and_unknown_dynamics_are_neutral(stub: "SynthesisServiceAsyncStub") -> None:
    neutral = [event.audio for event in await events(stub, asked())]
    strange = audio_pb2.Dynamics(volume=99, rate=99, emotion=99, intensity=float("nan"))  # type: ignore[arg-type]
    assert [event.audio for event in await events(stub, asked(dynamics=strange))] == neutral


async def test_a_region_is_served_by_its_language(stub: "SynthesisServiceAsyncStub") -> None:
    assert (await events(stub, asked(language="de-AT")))[0].started.voice == "scripted/de"


async def test_voices_are_listed_with_their_tiers(stub: "SynthesisServiceAsyncStub") -> None:
    every = (await stub.ListVoices(synthesis_pb2.ListVoicesRequest())).voices
    assert [voice.language for voice in every] == sorted(voice.language for voice in every)
    (german,) = (await stub.ListVoices(synthesis_pb2.ListVoicesRequest(language="de"))).voices
    assert (german.name, german.engine, german.neural) == ("scripted/de", "scripted", False)
    assert list(german.default_for_tiers) == ["standard", "premium"]


async def test_calls_side_by_side_get_each_their_own(stub: "SynthesisServiceAsyncStub") -> None:
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(events(stub, asked("a" * (10 + number)))) for number in range(20)]
    for number, call in enumerate(calls):
        seconds = call.result()[-1].finished.audio_duration.ToTimedelta().total_seconds()
        assert seconds == pytest.approx((10 + number) * 0.06, abs=0.001)


class Endless:
    """An engine that speaks until it is stopped, and tells."""

    def __init__(self, engine: Synthesizer) -> None:
        self.voices = engine.voices
        self.stopped = asyncio.Event()

    @asynccontextmanager
    async def speak(self, order: Order) -> AsyncIterator[Speech]:
        try:
            yield Speech(order.voice, self._audio())
        finally:
            self.stopped.set()

    async def _audio(self) -> AsyncIterator[bytes]:
        while True:
            yield bytes(3_200)
            await asyncio.sleep(0.001)


async def test_a_caller_who_leaves_stops_the_engine() -> None:
    async with open_engine(Config(ENGINES="scripted")) as scripted:
        engine = Endless(scripted)
        async with serving(engine) as stub:
            call = stub.Synthesize(asked())
            async for event in call:
                if event.WhichOneof("event") == "audio":
                    break
            call.cancel()
            async with asyncio.timeout(30):
                await engine.stopped.wait()
