"""Lists of engines in translation and synthesis, over real sockets: the next one answers where the first fails."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest
from structlog.testing import capture_logs

from chassis.aws import Misconfigured
from chassis.breaker import BreakerTerms
from chassis.errors import Exhausted, Invalid, Unavailable, rpc_errors
from chassis.failover import FailoverTerms
from chassis.ranking import Ranking
from protos.synthesis.v1 import synthesis_pb2
from protos.synthesis.v1.synthesis_pb2_grpc import SynthesisServiceStub, add_SynthesisServiceServicer_to_server
from protos.translation.v1 import translation_pb2
from protos.translation.v1.translation_pb2_grpc import TranslationServiceStub, add_TranslationServiceServicer_to_server
from synthesis_svc.domain.voices import Casting, Voice, tiers
from synthesis_svc.engines import Order, Speech, Synthesizer
from synthesis_svc.failover import Synthesizers
from synthesis_svc.servicer import Synthesis
from tests.fakes.serving import served
from translation_svc.cache import Cache, MemoryCache, NoCache
from translation_svc.engines import Capabilities, Pair, Translator
from translation_svc.failover import Translators
from translation_svc.flights import Flights
from translation_svc.servicer import Outcome, Translation

if TYPE_CHECKING:
    from protos.synthesis.v1.synthesis_pb2_grpc import SynthesisServiceAsyncStub
    from protos.translation.v1.translation_pb2_grpc import TranslationServiceAsyncStub

TERMS = FailoverTerms(BreakerTerms(failures=2, rest=30.0), lasting_rest=300.0)
LOST = Unavailable("TRANSLATION_FAILED", "the engine is away")
SETUP = Misconfigured("TRANSLATION_FAILED", "no credentials")


class Clock:
    """Of the engines' rests: set by the test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeTranslator:
    """`error` comes of every call while it is set; `hangs`: no call ends."""

    name: str
    targets: Sequence[str] = ("es", "pt")
    error: Exception | None = None
    hangs: bool = False
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.capabilities = Capabilities(self.name, {("en", to): Pair("en", to, self.name) for to in self.targets})

    async def translate(self, text: str, source: str, target: str) -> str:
        self.calls.append(target)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return f"{self.name}:{target}:{text}"


@asynccontextmanager
async def translating(
    *engines: FakeTranslator, clock: Clock | None = None, seconds: float = 2.0, cache: Cache | None = None
) -> AsyncIterator["TranslationServiceAsyncStub"]:
    listed: Mapping[str, Translator] = {engine.name: engine for engine in engines}
    translators = Translators(Ranking("translation", listed, TERMS, clock or Clock()))
    async with Flights[str, Outcome]() as flights:
        register = partial(
            add_TranslationServiceServicer_to_server, Translation(translators, cache or NoCache(), flights, seconds)
        )
        async with served(register) as address, grpc.aio.insecure_channel(address) as channel:
            yield TranslationServiceStub(channel)


async def translate(stub: "TranslationServiceAsyncStub", *targets: str) -> list[translation_pb2.TranslateResponse]:
    request = translation_pb2.TranslateRequest(text="Hello.", source_language="en", target_languages=targets or ["es"])
    with rpc_errors():
        return [response async for response in stub.Translate(request, timeout=20)]


async def made(stub: "TranslationServiceAsyncStub", *targets: str) -> list[tuple[str, str, bool]]:
    """Text, engine and whether it stands in, by language."""
    responses = sorted(await translate(stub, *targets), key=lambda response: response.language)
    return [(each.translation.text, each.translation.engine, each.translation.fallback) for each in responses]


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        SETUP,
        Exhausted("ENGINE_OVERLOADED", "full"),
        RuntimeError("a defect"),
        Invalid("TRANSLATION_FAILED", "no"),
    ],
)
async def test_the_next_engine_translates_what_the_first_did_not(error: Exception) -> None:
    first, second = FakeTranslator("first", error=error), FakeTranslator("second")
    async with translating(first, second) as stub:
        [(text, engine, _)] = await made(stub)
    assert (text, engine) == ("second:es:Hello.", "second")


async def test_why_an_engine_was_passed_over_is_in_the_log_but_no_defects_words() -> None:
    with capture_logs() as logs:
        for error in (SETUP, RuntimeError("the text")):
            async with translating(FakeTranslator("first", error=error), FakeTranslator("second")) as stub:
                await made(stub)
            async with speaking(FakeSynthesizer("first", error=error), FakeSynthesizer("second")) as voices:
                await spoken(voices)
    passed_over = [line for line in logs if line["event"].startswith("engine_did_not")]
    assert [line.get("message") for line in passed_over] == ["no credentials", "no credentials", None, None]
    assert "the text" not in str(logs)


async def test_after_failures_in_a_row_only_the_next_one_is_asked_and_says_that_it_stands_in() -> None:
    clock, first, second = Clock(), FakeTranslator("first", error=LOST), FakeTranslator("second")
    async with translating(first, second, clock=clock) as stub:
        told = [(await made(stub))[0][2] for _ in range(4)]
        assert told == [False, True, True, True]
        assert len(first.calls) == 2
        first.error, clock.now = None, 31.0
        assert await made(stub) == [("first:es:Hello.", "first", False)]
        assert await made(stub) == [("first:es:Hello.", "first", False)]


async def test_what_an_engine_made_in_anothers_place_is_not_remembered() -> None:
    clock, first, second = Clock(), FakeTranslator("first", error=LOST), FakeTranslator("second")
    async with translating(first, second, clock=clock, cache=MemoryCache(9, 3600.0, clock)) as stub:
        # Before the first one is given up, and after.
        assert [(await made(stub))[0][1] for _ in range(4)] == ["second"] * 4
        first.error, clock.now = None, 31.0
        assert (await made(stub))[0][1] == "first"
        first.error = LOST
        assert (await made(stub))[0][1] == "first"


async def test_an_engine_that_hangs_leaves_time_for_the_next() -> None:
    first, second = FakeTranslator("first", hangs=True), FakeTranslator("second")
    async with translating(first, second, seconds=4.0) as stub:
        assert [text for text, _, _ in await made(stub)] == ["second:es:Hello."]


async def test_when_all_hang_the_language_fails_in_time() -> None:
    engines = [FakeTranslator(name, hangs=True) for name in ("first", "second")]
    async with translating(*engines, seconds=0.4) as stub:
        [response] = await translate(stub)
    assert (response.failure.reason, response.failure.transient) == ("ENGINE_TIMEOUT", True)


async def test_all_languages_of_all_engines_are_offered_each_by_the_first_that_has_it() -> None:
    first, second = FakeTranslator("first", ["es"]), FakeTranslator("second", ["es", "ja"])
    async with translating(first, second) as stub:
        pairs = (await stub.ListLanguages(translation_pb2.ListLanguagesRequest())).pairs
        assert [(pair.target_language, pair.engine) for pair in pairs] == [("es", "first"), ("ja", "second")]
        assert await made(stub, "es", "ja") == [
            ("first:es:Hello.", "first", False),
            ("second:ja:Hello.", "second", False),
        ]


async def test_a_pair_that_an_engine_lists_and_refuses_goes_to_the_next_from_then_on() -> None:
    first = FakeTranslator("first", error=Invalid("UNSUPPORTED_LANGUAGE", "not this pair"))
    second = FakeTranslator("second")
    async with translating(first, second) as stub:
        for _ in range(3):
            assert await made(stub, "es") == [("second:es:Hello.", "second", False)]
        assert first.calls == ["es"]
        first.error = None
        assert await made(stub, "pt") == [("first:pt:Hello.", "first", False)]


async def test_a_region_is_translated_by_the_engine_that_has_it_and_else_as_the_language() -> None:
    first, second = FakeTranslator("first", ["pt"]), FakeTranslator("second", ["pt-PT"])
    async with translating(first, second) as stub:
        assert [text for text, _, _ in await made(stub, "pt-PT")] == ["second:pt-PT:Hello."]
        second.error = LOST
        assert [text for text, _, _ in await made(stub, "pt-PT")] == ["first:pt:Hello."]


@dataclass
class FakeSynthesizer:
    """Each speech is two blocks of the engine's first letter. `breaks_off`: the second one fails."""

    name: str
    languages: Sequence[str] = ("es", "pt")
    error: Exception | None = None
    hangs: bool = False
    breaks_off: bool = False
    orders: list[Order] = field(default_factory=list)
    ended: int = 0

    def __post_init__(self) -> None:
        self.voices = tuple(Voice(f"{self.name}/{language}", language, self.name) for language in self.languages)

    @asynccontextmanager
    async def speak(self, order: Order) -> AsyncIterator[Speech]:
        self.orders.append(order)
        try:
            if self.error is not None:
                raise self.error
            yield Speech(order.voice, self._audio())
        finally:
            self.ended += 1

    async def _audio(self) -> AsyncIterator[bytes]:
        if self.hangs:
            await asyncio.Event().wait()
        yield self.name[0].encode() * 6400
        if self.breaks_off:
            raise Unavailable("SYNTHESIS_FAILED", "broken off")
        yield self.name[0].encode() * 6400


@asynccontextmanager
async def speaking(
    *engines: FakeSynthesizer, clock: Clock | None = None, first_audio_seconds: float = 1.8
) -> AsyncIterator["SynthesisServiceAsyncStub"]:
    listed: Mapping[str, Synthesizer] = {engine.name: engine for engine in engines}
    ranking = Ranking("synthesis", listed, TERMS, clock or Clock())
    synthesizers = Synthesizers(ranking, first_audio_seconds)
    servicer = Synthesis(synthesizers, Casting(synthesizers.voices, {}), tiers(2.0, 6.0))
    register = partial(add_SynthesisServiceServicer_to_server, servicer)
    async with served(register) as address, grpc.aio.insecure_channel(address) as channel:
        yield SynthesisServiceStub(channel)


async def spoken(
    stub: "SynthesisServiceAsyncStub", language: str = "es", voice: str = ""
) -> tuple[str, str, bool, set[int]]:
    """Engine, voice, whether it stands in, and the bytes of the audio."""
    request = synthesis_pb2.SynthesizeRequest(text="Hola.", language=language, voice=voice)
    with rpc_errors():
        events = [event async for event in stub.Synthesize(request, timeout=20)]
    started = events[0].started
    return started.engine, started.voice, started.fallback, set(b"".join(event.audio for event in events))


@pytest.mark.parametrize(
    "error", [Unavailable("SYNTHESIS_FAILED", "away"), SETUP, Exhausted("ENGINE_OVERLOADED", "full"), RuntimeError()]
)
async def test_the_next_engine_speaks_what_the_first_did_not_with_a_voice_of_its_own(error: Exception) -> None:
    first, second = FakeSynthesizer("first", error=error), FakeSynthesizer("second")
    async with speaking(first, second) as stub:
        engine, voice, _, audio = await spoken(stub)
    assert (engine, voice, audio) == ("second", "second/es", {ord("s")})
    assert first.ended == 1


async def test_a_voice_that_stands_in_says_so_until_the_preferred_one_is_back() -> None:
    clock = Clock()
    first, second = FakeSynthesizer("first", error=LOST), FakeSynthesizer("second")
    async with speaking(first, second, clock=clock) as stub:
        assert [(await spoken(stub))[2] for _ in range(3)] == [False, True, True]
        first.error, clock.now = None, 31.0
        assert (await spoken(stub))[:3] == ("first", "first/es", False)


async def test_a_voice_that_does_not_begin_leaves_time_for_the_next() -> None:
    async with speaking(
        FakeSynthesizer("first", hangs=True), FakeSynthesizer("second"), first_audio_seconds=0.2
    ) as stub:
        assert (await spoken(stub))[0] == "second"


async def test_a_voice_that_breaks_off_is_not_begun_again_by_another() -> None:
    first, second = FakeSynthesizer("first", breaks_off=True), FakeSynthesizer("second")
    async with speaking(first, second) as stub:
        with pytest.raises(Unavailable, match="SYNTHESIS_FAILED"):
            await spoken(stub)
    assert second.orders == []


async def test_a_voice_that_was_named_is_spoken_by_its_own_engine_or_not_at_all() -> None:
    first, second = FakeSynthesizer("first", error=LOST), FakeSynthesizer("second")
    async with speaking(first, second) as stub:
        assert (await spoken(stub, voice="second/es"))[1] == "second/es"
        with pytest.raises(Unavailable):
            await spoken(stub, voice="first/es")


async def test_voices_of_all_engines_are_listed_and_the_preferred_engines_is_the_default() -> None:
    first, second = FakeSynthesizer("first", ["es"]), FakeSynthesizer("second", ["es", "ja"])
    async with speaking(first, second) as stub:
        voices = (await stub.ListVoices(synthesis_pb2.ListVoicesRequest())).voices
        defaults = {voice.name for voice in voices if voice.default_for_tiers}
        assert {voice.name for voice in voices} == {"first/es", "second/es", "second/ja"}
        assert defaults == {"first/es", "second/ja"}
        assert (await spoken(stub, "ja"))[:3] == ("second", "second/ja", False)
