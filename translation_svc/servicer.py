"""The TranslationService: checks the request, asks cache and engine for each language, answers as each is ready.

No task belongs to a request: calls of the engine are flights shared by all who want the same, and a request only boards
and leaves them. So leaving is immediate, and a caller that goes away takes nothing from another.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from time import perf_counter
from typing import Any

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration

from chassis.durations import duration
from chassis.errors import Invalid, LingocastError
from chassis.glossary import Glossary, Term, glossary
from chassis.language import parse
from chassis.telemetry import Attribute, Metric, Span, meter, tracer
from protos.translation.v1 import translation_pb2 as pb
from protos.translation.v1.translation_pb2_grpc import TranslationServiceServicer
from translation_svc import fidelity
from translation_svc.cache import Cache, NoCache, Remembered
from translation_svc.domain.cachekey import cache_key
from translation_svc.domain.glossary import terms_for
from translation_svc.domain.offers import Offers, is_kin
from translation_svc.engines import Pair, Translator
from translation_svc.failover import Translators
from translation_svc.flights import Flight, Flights

log = structlog.get_logger()

LONGEST_TEXT_BYTES = 10_000
TIERS = frozenset({"", "standard", "premium"})
# The reasons that TranslationFailure documents; an engine's other reasons are TRANSLATION_FAILED to callers.
REASONS = frozenset({"UNSUPPORTED_LANGUAGE", "TRANSLATION_FAILED", "ENGINE_TIMEOUT", "ENGINE_OVERLOADED"})

_seconds = meter.create_histogram(Metric.TRANSLATE, unit="s", description="One engine call")
_failures = meter.create_counter(Metric.LANGUAGE_FAILURES, description="Languages that failed, by reason")


@dataclass(frozen=True, slots=True)
class Done:
    """An engine's answer and the seconds it took; or, `remembered`, what it answered to another instance before.

    `fallback`: the engine stands in for a preferred one that is out of order. `lasts`: it may be remembered here.
    """

    text: str
    engine: str
    seconds: float
    remembered: bool = False
    fallback: bool = False
    lasts: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """Why an engine gave none."""

    reason: str
    message: str
    transient: bool


Outcome = Done | Failed


@dataclass(frozen=True, slots=True)
class _Order:
    """A checked request. `targets`: canonical codes, each once, in the order asked for."""

    text: str
    source: str
    targets: tuple[str, ...]
    partial: bool
    glossary: Glossary

    def key(self, pair: Pair) -> str:
        """Under which the translation is remembered, and shared while it is made."""
        return cache_key(pair.source, pair.target, self.text, self.glossary.version)


@dataclass(frozen=True, slots=True)
class _Seat:
    """A request's place in a flight, for one language or several regions of it."""

    key: str
    flight: Flight[Outcome]
    languages: list[str]


_Seats = dict[asyncio.Future[Outcome], _Seat]


class Translation(TranslationServiceServicer):
    """The service over one engine and two layers of cache. `flights` must be open.

    `cache` is asked before anything else and must answer at once; `shared` (with other instances) is asked on the
    flight, for all languages at once, before the engine is.
    """

    def __init__(
        self,
        engine: Translator,
        cache: Cache,
        flights: Flights[str, Outcome],
        engine_timeout_seconds: float,
        *,
        shared: Cache | None = None,
    ) -> None:
        self._engine = Translators.of(engine)
        self._pairs: Mapping[tuple[str, str], Pair] = {}
        self._offers = Offers(())
        self._cache, self._shared = cache, shared or NoCache()
        self._flights = flights
        self._timeout = engine_timeout_seconds

    async def Translate(  # type: ignore[override, unused-ignore]
        self, request: pb.TranslateRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.TranslateResponse]:
        order = _order(request)
        seats: _Seats = {}
        try:
            # All flights are boarded before the first answer goes out: a caller that reads slowly delays no language.
            for answer in [answer async for answer in self._answer_or_board(order, seats)]:
                yield answer
            waiting = set(seats)
            while waiting:
                landed, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in landed:
                    seat, outcome = seats[future], future.result()
                    if isinstance(outcome, Done) and outcome.lasts and not order.partial:
                        for layer in (self._cache, self._shared):
                            await layer.put(seat.key, Remembered(outcome.text, outcome.engine))
                    for language in seat.languages:
                        yield _response(language, outcome)
        finally:
            for seat in seats.values():
                self._flights.leave(seat.key, seat.flight)

    async def _answer_or_board(self, order: _Order, seats: _Seats) -> AsyncIterator[pb.TranslateResponse]:
        """Answers what needs no engine, and takes seats for the rest."""
        for language in order.targets:
            pair = self._pair(order.source, language)
            answer = await self._at_once(order, language, pair)
            if answer is not None or pair is None:
                yield answer or _unsupported(order.source, language)
                continue
            key = order.key(pair)
            flight = self._flights.board(key, partial(self._look_or_call, key, order, pair))
            seat = seats.setdefault(flight.landed, _Seat(key, flight, []))
            if seat.languages:
                # Two regions of one language (`pt-BR`, `pt-PT`) are one translation and one seat.
                self._flights.leave(key, flight)
            seat.languages.append(language)

    async def ListLanguages(  # type: ignore[override, unused-ignore]
        self, request: pb.ListLanguagesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.ListLanguagesResponse:
        offered = self._offered()
        source = offered.source(parse(request.source_language)) if request.source_language else None
        pairs = [pair for _, pair in sorted(self._pairs.items()) if source in (None, pair.source)]
        return pb.ListLanguagesResponse(
            pairs=[
                pb.LanguagePair(
                    source_language=pair.source, target_language=pair.target, engine=pair.engine, via=pair.via
                )
                for pair in pairs
            ]
        )

    async def _at_once(self, order: _Order, language: str, pair: Pair | None) -> pb.TranslateResponse | None:
        """The text itself or what is remembered; None when neither is the answer."""
        if pair is None and is_kin(order.source, language):
            return _remembered(language, Remembered(order.text, ""))
        found = await self._cache.get(order.key(pair)) if pair else None
        return _remembered(language, found) if found else None

    def _pair(self, source: str, target: str) -> Pair | None:
        ends = self._offered().find(source, target)
        return self._pairs[ends] if ends is not None else None

    def _offered(self) -> Offers:
        """What the engine offers now: an engine may learn of languages, or lose some, as it runs."""
        pairs = self._engine.capabilities.pairs
        if pairs is not self._pairs:
            self._pairs, self._offers = pairs, Offers(pairs)
        return self._offers

    async def _look_or_call(self, key: str, order: _Order, pair: Pair) -> Outcome:
        # What is still being spoken is not remembered, so it need not be looked for.
        found = await self._shared.get(key) if not order.partial else None
        if found is None:
            return await self._call(order, pair)
        # Keeps to the hour that began where it was made, and stays there.
        return Done(found.text, found.engine, 0.0, remembered=True, lasts=False)

    async def _call(self, order: _Order, pair: Pair) -> Outcome:
        """The engine's work for a text and a language. Never raises: a failure is an outcome, for all who wait."""
        attributes: dict[str, str] = {
            Attribute.SOURCE_LANGUAGE: pair.source,
            Attribute.LANGUAGE: pair.target,
            Attribute.ENGINE: pair.engine,
        }
        start = perf_counter()
        with tracer.start_as_current_span(Span.ENGINE_TRANSLATE, attributes=attributes) as span:
            deadline = asyncio.get_running_loop().time() + self._timeout
            try:
                work = self._engine.work(pair.source, pair.target, deadline)
                translated = await fidelity.translate(
                    work.translate, order.text, terms_for(order.glossary, pair.target), deadline
                )
                attributes[Attribute.ENGINE] = work.engine
                outcome: Outcome = Done(
                    translated,
                    work.engine,
                    perf_counter() - start,
                    fallback=work.is_fallback,
                    # What was made in another engine's place would stay in its place when that is well again.
                    lasts=work.is_preferred,
                )
            except TimeoutError:
                message = f"translation into {pair.target} took longer than {self._timeout:g} s"
                outcome = Failed("ENGINE_TIMEOUT", message, transient=True)
            except LingocastError as error:
                reason = error.reason if error.reason in REASONS else "TRANSLATION_FAILED"
                # Exhausted, too: a full queue empties.
                outcome = Failed(reason, error.message, transient=not isinstance(error, Invalid))
            except Exception as error:  # noqa: BLE001 - one language's fault must not end the others
                log.error("engine_failed", engine=pair.engine, target=pair.target, fault=type(error).__name__)
                outcome = Failed("TRANSLATION_FAILED", f"translation into {pair.target} failed", transient=False)
            span.set_attribute(Attribute.ENGINE, attributes[Attribute.ENGINE])
            if isinstance(outcome, Failed):
                span.set_attribute(Attribute.REASON, outcome.reason)
        if isinstance(outcome, Failed):
            _failures.add(1, {Attribute.LANGUAGE: pair.target, Attribute.REASON: outcome.reason})
        else:
            _seconds.record(outcome.seconds, attributes)
        return outcome


def _order(request: pb.TranslateRequest) -> _Order:
    """Raises Invalid with the reasons that the proto names."""
    text = request.text.strip()
    if not text:
        raise Invalid("EMPTY_TEXT", "there is no text to translate")
    if len(request.text.encode()) > LONGEST_TEXT_BYTES:
        raise Invalid("TEXT_TOO_LONG", f"a text has at most {LONGEST_TEXT_BYTES} bytes of UTF-8")
    if not request.source_language:
        raise Invalid("MISSING_PARAMETER", "the source language is missing")
    if not request.target_languages:
        raise Invalid("MISSING_PARAMETER", "at least one target language is needed")
    if request.quality_tier not in TIERS:
        raise Invalid("INVALID_PARAMETER", "the quality tier is `standard` or `premium`")
    source = parse(request.source_language)
    targets = tuple(dict.fromkeys(parse(code) for code in request.target_languages))
    return _Order(text, source, targets, request.partial, _glossary(request.glossary.SerializeToString()))


@lru_cache(maxsize=64)
def _glossary(serialized: bytes) -> Glossary:
    """A request's glossary, read once for each session: it comes with every segment. The version is our own, so that no
    caller's mistake brings one session's terms into another's translations. Raises Invalid."""
    terms = pb.Glossary.FromString(serialized).terms
    return glossary(Term(term.source, term.target, term.language) for term in terms)


def _unsupported(source: str, language: str) -> pb.TranslateResponse:
    _failures.add(1, {Attribute.LANGUAGE: language, Attribute.REASON: "UNSUPPORTED_LANGUAGE"})
    message = f"no translation from {source} into {language} is offered here"
    return _response(language, Failed("UNSUPPORTED_LANGUAGE", message, transient=False))


def _remembered(language: str, found: Remembered) -> pb.TranslateResponse:
    translation = pb.Translation(text=found.text, from_cache=True, engine=found.engine, engine_time=Duration())
    return pb.TranslateResponse(language=language, translation=translation)


def _response(language: str, outcome: Outcome) -> pb.TranslateResponse:
    if isinstance(outcome, Failed):
        failure = pb.TranslationFailure(reason=outcome.reason, message=outcome.message, transient=outcome.transient)
        return pb.TranslateResponse(language=language, failure=failure)
    if outcome.remembered:
        return _remembered(language, Remembered(outcome.text, outcome.engine))
    translation = pb.Translation(
        text=outcome.text,
        engine=outcome.engine,
        engine_time=duration(outcome.seconds),
        fallback=outcome.fallback,
    )
    return pb.TranslateResponse(language=language, translation=translation)
