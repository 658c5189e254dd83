"""The TranslationService over a real socket: what a caller sees, whatever the engine (L1-L3, L5)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import grpc
import pytest

from chassis.errors import Exhausted, Invalid, Unavailable, rpc_errors
from protos.translation.v1 import translation_pb2 as pb
from protos.translation.v1.translation_pb2_grpc import (
    TranslationServiceStub,
    add_TranslationServiceServicer_to_server,
)
from tests.fakes.serving import served
from translation_svc.cache import Cache, Forgiving, MemoryCache, Remembered
from translation_svc.config import Config
from translation_svc.engines import Capabilities, Pair, Translator, open_engine
from translation_svc.flights import Flights
from translation_svc.servicer import Outcome, Translation

if TYPE_CHECKING:
    from protos.translation.v1.translation_pb2_grpc import TranslationServiceAsyncStub

PAIRS = [("en", "es"), ("en", "fr"), ("en", "pt"), ("pt", "en")]


@dataclass
class FakeTranslator:
    """Counts its calls. `gates` hold a language back until set; `errors` fail it."""

    gates: Mapping[str, asyncio.Event] = field(default_factory=dict)
    errors: Mapping[str, Exception] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        pairs = {ends: Pair(*ends, "fake", ("pt",) if ends == ("en", "es") else ()) for ends in PAIRS}
        return Capabilities("fake", pairs)

    async def translate(self, text: str, source: str, target: str) -> str:
        self.calls.append((text, source, target))
        try:
            if target in self.gates:
                await self.gates[target].wait()
            if target in self.errors:
                raise self.errors[target]
        finally:
            self.ended.append(target)
        return f"{target}({text})"


class BrokenCache:
    """A cache whose store is down."""

    async def get(self, key: str) -> Remembered | None:
        raise OSError(key)

    async def put(self, key: str, translation: Remembered) -> None:
        raise OSError(key)


@asynccontextmanager
async def service(
    engine: Translator, *, cache: Cache | None = None, shared: Cache | None = None, timeout_seconds: float = 30.0
) -> AsyncIterator["TranslationServiceAsyncStub"]:
    cache = Forgiving(cache or MemoryCache(100, 3600.0, lambda: 0.0))
    async with Flights[str, Outcome]() as flights:
        servicer = Translation(engine, cache, flights, timeout_seconds, shared=Forgiving(shared) if shared else None)
        async with (
            served(partial(add_TranslationServiceServicer_to_server, servicer)) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            yield TranslationServiceStub(channel)


async def translate(
    stub: "TranslationServiceAsyncStub",
    *targets: str,
    text: str = "Hello.",
    source: str = "en",
    partial_text: bool = False,
) -> list[pb.TranslateResponse]:
    request = pb.TranslateRequest(text=text, source_language=source, target_languages=targets, partial=partial_text)
    with rpc_errors():
        return [response async for response in stub.Translate(request, timeout=20)]


def texts(responses: Sequence[pb.TranslateResponse]) -> dict[str, str]:
    return {response.language: response.translation.text for response in responses}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        # The call travels through a socket, which tells nobody.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_one_text_comes_back_in_each_language_once() -> None:
    async with service(FakeTranslator()) as stub:
        responses = await translate(stub, "es", "fr", "es")
    assert texts(responses) == {"es": "es(Hello.)", "fr": "fr(Hello.)"}
    assert len(responses) == 2
    assert {response.translation.engine for response in responses} == {"fake"}


async def test_a_slow_language_does_not_delay_another() -> None:
    gate = asyncio.Event()
    async with service(FakeTranslator(gates={"fr": gate})) as stub:
        call = stub.Translate(pb.TranslateRequest(text="Hi.", source_language="en", target_languages=["fr", "es"]))
        responses = aiter(call)
        assert (await anext(responses)).language == "es"
        gate.set()
        assert (await anext(responses)).language == "fr"


async def test_a_failing_language_fails_alone() -> None:
    errors = {
        "fr": Unavailable("TRANSLATION_FAILED", "the engine is away"),
        "pt": Exhausted("ENGINE_OVERLOADED", "too many wait"),
    }
    async with service(FakeTranslator(errors=errors)) as stub:
        responses = {response.language: response for response in await translate(stub, "es", "fr", "pt")}
    assert responses["es"].translation.text == "es(Hello.)"
    assert responses["fr"].failure == pb.TranslationFailure(
        reason="TRANSLATION_FAILED", message="the engine is away", transient=True
    )
    assert responses["pt"].failure.reason == "ENGINE_OVERLOADED"
    assert responses["pt"].failure.transient


async def test_a_fault_of_the_engine_tells_nothing_of_its_insides() -> None:
    async with service(FakeTranslator(errors={"fr": ValueError("Hello.")})) as stub:
        [response] = await translate(stub, "fr")
    assert response.failure.reason == "TRANSLATION_FAILED"
    assert not response.failure.transient
    assert "Hello" not in response.failure.message


async def test_a_language_that_takes_too_long_fails_and_may_succeed_later() -> None:
    engine = FakeTranslator(gates={"fr": asyncio.Event()})
    async with service(engine, timeout_seconds=0.5) as stub:
        responses = {response.language: response for response in await translate(stub, "fr", "es")}
    assert responses["fr"].failure.reason == "ENGINE_TIMEOUT"
    assert responses["fr"].failure.transient
    assert responses["es"].translation.text == "es(Hello.)"
    assert "fr" in engine.ended


async def test_a_language_that_is_not_offered_fails_for_good() -> None:
    async with service(FakeTranslator()) as stub:
        responses = {response.language: response for response in await translate(stub, "tlh", "es")}
        [from_unknown] = await translate(stub, "es", source="tlh")
    assert responses["tlh"].failure.reason == "UNSUPPORTED_LANGUAGE"
    assert not responses["tlh"].failure.transient
    assert responses["es"].translation.text == "es(Hello.)"
    assert from_unknown.failure.reason == "UNSUPPORTED_LANGUAGE"


async def test_the_source_language_gets_the_text_unchanged_without_an_engine() -> None:
    engine = FakeTranslator()
    async with service(engine) as stub:
        [response] = await translate(stub, "en-US")
    assert (response.language, response.translation.text) == ("en-US", "Hello.")
    assert response.translation.from_cache
    assert engine.calls == []


async def test_regions_of_a_language_are_one_engine_call_and_an_answer_each() -> None:
    engine = FakeTranslator()
    async with service(engine) as stub:
        responses = await translate(stub, "pt-BR", "pt_pt", "pt", source="en-GB")
    assert texts(responses) == {"pt-BR": "pt(Hello.)", "pt-PT": "pt(Hello.)", "pt": "pt(Hello.)"}
    assert engine.calls == [("Hello.", "en", "pt")]


async def test_what_was_translated_once_comes_from_the_cache() -> None:
    engine = FakeTranslator()
    async with service(engine) as stub:
        [first] = await translate(stub, "es")
        [second] = await translate(stub, "es", text="  HELLO. ")
    assert not first.translation.from_cache
    assert second.translation.from_cache
    assert second.translation.text == "es(Hello.)"
    assert second.translation.engine_time.ToNanoseconds() == 0
    assert len(engine.calls) == 1


async def test_a_partial_is_read_from_the_cache_but_never_written() -> None:
    engine = FakeTranslator()
    async with service(engine) as stub:
        await translate(stub, "es", partial_text=True)
        [whole] = await translate(stub, "es")
        [partial_again] = await translate(stub, "es", partial_text=True)
    assert not whole.translation.from_cache
    assert partial_again.translation.from_cache
    assert len(engine.calls) == 2


async def test_a_failure_is_not_remembered() -> None:
    errors: dict[str, Exception] = {"es": Unavailable("TRANSLATION_FAILED", "away")}
    async with service(FakeTranslator(errors=errors)) as stub:
        await translate(stub, "es")
        errors.clear()
        [response] = await translate(stub, "es")
    assert response.translation.text == "es(Hello.)"


async def test_a_cache_that_is_down_costs_engine_calls_and_nothing_else() -> None:
    engine = FakeTranslator()
    async with service(engine, cache=BrokenCache()) as stub:
        await translate(stub, "es")
        [response] = await translate(stub, "es")
    assert response.translation.text == "es(Hello.)"
    assert len(engine.calls) == 2


@pytest.mark.parametrize("partial_text", [False, True])
async def test_identical_requests_in_flight_are_one_engine_call(partial_text: bool) -> None:
    gate = asyncio.Event()
    engine = FakeTranslator(gates={"es": gate})
    async with service(engine) as stub, asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(translate(stub, "es", "fr", partial_text=partial_text)) for _ in range(5)]
        # The other language is told at once, so its answers show that all five are on their way.
        await until(lambda: len(engine.calls) >= 2)
        await asyncio.sleep(0.1)
        gate.set()
    assert [texts(call.result())["es"] for call in calls] == ["es(Hello.)"] * 5
    assert engine.calls.count(("Hello.", "en", "es")) == 1


async def test_a_caller_that_leaves_takes_nothing_from_another() -> None:
    gate = asyncio.Event()
    engine = FakeTranslator(gates={"es": gate})
    request = pb.TranslateRequest(text="Hello.", source_language="en", target_languages=["fr", "es"])
    async with service(engine) as stub:
        leaving, staying = aiter(first := stub.Translate(request)), aiter(stub.Translate(request))
        # Both have had their first answer, so both wait for the second.
        await anext(leaving)
        await anext(staying)
        first.cancel()
        await asyncio.sleep(0.1)
        gate.set()
        assert (await anext(staying)).translation.text == "es(Hello.)"
    assert engine.calls.count(("Hello.", "en", "es")) == 1


async def test_when_the_last_caller_has_left_the_engine_stops() -> None:
    engine = FakeTranslator(gates={"es": asyncio.Event()})
    async with service(engine) as stub:
        call = stub.Translate(pb.TranslateRequest(text="Hi.", source_language="en", target_languages=["es"]))
        await until(lambda: len(engine.calls) == 1)
        call.cancel()
        await until(lambda: engine.ended == ["es"])


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.TranslateRequest(text=" ", source_language="en", target_languages=["es"]), "EMPTY_TEXT"),
        (pb.TranslateRequest(text="a", target_languages=["es"]), "MISSING_PARAMETER"),
        (pb.TranslateRequest(text="a", source_language="en"), "MISSING_PARAMETER"),
        (pb.TranslateRequest(text="a", source_language="en", target_languages=["e"]), "INVALID_LANGUAGE"),
        (pb.TranslateRequest(text="a", source_language="?", target_languages=["es"]), "INVALID_LANGUAGE"),
        (pb.TranslateRequest(text="é" * 5001, source_language="en", target_languages=["es"]), "TEXT_TOO_LONG"),
        (
            pb.TranslateRequest(text="a", source_language="en", target_languages=["es"], quality_tier="gold"),
            "INVALID_PARAMETER",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_wrong_request_is_refused_by_reason(request_: pb.TranslateRequest, reason: str) -> None:
    async with service(FakeTranslator()) as stub:
        with pytest.raises(Invalid) as refusal, rpc_errors():
            await anext(aiter(stub.Translate(request_)))
    assert refusal.value.reason == reason


async def test_the_longest_text_allowed_goes_through() -> None:
    async with service(FakeTranslator()) as stub:
        [response] = await translate(stub, "es", text="é" * 5000)
    assert len(response.translation.text) == 5004


async def glossed(
    stub: "TranslationServiceAsyncStub", text: str, *terms: tuple[str, str, str], partial_text: bool = False
) -> str:
    request = pb.TranslateRequest(text=text, source_language="en", target_languages=["es"], partial=partial_text)
    for source, target, language in terms:
        request.glossary.terms.add(source=source, target=target, language=language)
    async with asyncio.timeout(20):
        [response] = [response async for response in stub.Translate(request)]
    return response.translation.text


async def test_a_glossarys_terms_are_kept_or_fixed_and_the_engine_does_not_see_them() -> None:
    engine = FakeTranslator()
    async with service(engine) as stub:
        text = await glossed(stub, "Grace met Ebenezer.", ("grace", "gracia", "es"), ("Ebenezer", "", ""))
    assert text == "es(Gracia met Ebenezer.)"
    assert [text for text, _, _ in engine.calls] == ["Xq0x met Xq1x."]


async def test_a_translation_with_a_glossary_is_remembered_for_that_glossary_alone() -> None:
    engine = FakeTranslator()
    async with service(engine) as stub:
        assert await glossed(stub, "By grace.", ("grace", "gracia", "")) == "es(By gracia.)"
        assert await glossed(stub, "By grace.", ("grace", "favor", "")) == "es(By favor.)"
        assert await glossed(stub, "By grace.") == "es(By grace.)"
        assert len(engine.calls) == 3
        assert await glossed(stub, "By grace.", ("grace", "gracia", "")) == "es(By gracia.)"
        # An open clause is served from there, too, glossary and all.
        assert await glossed(stub, "By grace.", ("grace", "favor", ""), partial_text=True) == "es(By favor.)"
        assert len(engine.calls) == 3


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        (("...", "", ""), "INVALID_PARAMETER"),
        (("a" * 201, "", ""), "INVALID_PARAMETER"),
        (("grace", "", "spanish"), "INVALID_LANGUAGE"),
    ],
)
async def test_a_glossary_that_cannot_be_is_refused(term: tuple[str, str, str], reason: str) -> None:
    async with service(FakeTranslator()) as stub:
        with pytest.raises(Invalid) as refusal, rpc_errors():
            await glossed(stub, "Hello.", term)
    assert refusal.value.reason == reason


async def test_a_glossary_of_too_many_terms_is_refused() -> None:
    async with service(FakeTranslator()) as stub:
        with pytest.raises(Invalid, match="at most 500"), rpc_errors():
            await glossed(stub, "Hello.", *((f"word {number}", "", "") for number in range(501)))


async def test_languages_are_listed_in_order_with_their_way() -> None:
    async with service(FakeTranslator()) as stub:
        everything = await stub.ListLanguages(pb.ListLanguagesRequest())
        from_portuguese = await stub.ListLanguages(pb.ListLanguagesRequest(source_language="pt-BR"))
        from_nowhere = await stub.ListLanguages(pb.ListLanguagesRequest(source_language="tlh"))
    assert [(pair.source_language, pair.target_language) for pair in everything.pairs] == PAIRS
    assert list(everything.pairs[0].via) == ["pt"]
    assert [pair.target_language for pair in from_portuguese.pairs] == ["en"]
    assert list(from_nowhere.pairs) == []


@pytest.mark.parametrize("engine", [pytest.param("local", marks=pytest.mark.local_engines), "scripted"])
async def test_a_real_engine_serves_every_pair_it_lists_from_english(engine: str) -> None:
    async with open_engine(Config(ENGINES=engine)) as opened, service(opened) as stub:
        listed = await stub.ListLanguages(pb.ListLanguagesRequest(source_language="en"))
        targets = [pair.target_language for pair in listed.pairs]
        responses = await translate(stub, *targets, text="The house is red.")
    failures: list[str] = [r.failure.reason for r in responses if r.HasField("failure")]
    assert failures == []
    assert sorted(response.language for response in responses) == targets
    assert all(response.translation.text != "The house is red." for response in responses)
