"""The two services that a broadcast calls, in the pipeline's own words."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache

import structlog

from chassis.calling import connect
from chassis.errors import Invalid, LingocastError, rpc_errors
from chassis.glossary import NONE, Glossary
from protos.audio.v1 import audio_pb2
from protos.synthesis.v1 import synthesis_pb2, synthesis_pb2_grpc
from protos.translation.v1 import translation_pb2, translation_pb2_grpc
from transcription_svc.domain.dynamics import Dynamics, Emotion, Rate, Volume

log = structlog.get_logger()

_VOLUME = {
    Volume.WHISPER: audio_pb2.VOLUME_CLASS_WHISPER,
    Volume.SOFT: audio_pb2.VOLUME_CLASS_SOFT,
    Volume.MEDIUM: audio_pb2.VOLUME_CLASS_MEDIUM,
    Volume.LOUD: audio_pb2.VOLUME_CLASS_LOUD,
}
_RATE = {
    Rate.VERY_SLOW: audio_pb2.RATE_CLASS_VERY_SLOW,
    Rate.SLOW: audio_pb2.RATE_CLASS_SLOW,
    Rate.MEDIUM: audio_pb2.RATE_CLASS_MEDIUM,
    Rate.FAST: audio_pb2.RATE_CLASS_FAST,
    Rate.VERY_FAST: audio_pb2.RATE_CLASS_VERY_FAST,
}
_EMOTION = {
    Emotion.NEUTRAL: audio_pb2.EMOTION_NEUTRAL,
    Emotion.CALM: audio_pb2.EMOTION_CALM,
    Emotion.EXCITED: audio_pb2.EMOTION_EXCITED,
    Emotion.SAD: audio_pb2.EMOTION_SAD,
}


@dataclass(frozen=True, slots=True)
class Translated:
    """One language's text. `fallback`: whether the engine that made it stands in for another; None: none was asked."""

    language: str
    text: str
    fallback: bool | None = None


@dataclass(frozen=True, slots=True)
class NotTranslated:
    """One language has no text. `transient`: it may work for the next segment."""

    language: str
    reason: str
    transient: bool


@dataclass(frozen=True, slots=True)
class VoiceBegun:
    """The voice's actual tempo, before any audio. `fallback`: whether its engine stands in for another."""

    tempo: float
    fallback: bool = False


class Downstream:
    """Both stubs. Deadlines and retries are the channel's."""

    def __init__(
        self,
        translation: "translation_pb2_grpc.TranslationServiceAsyncStub",
        synthesis: "synthesis_pb2_grpc.SynthesisServiceAsyncStub",
    ) -> None:
        self._translation = translation
        self._synthesis = synthesis

    async def translate(
        self,
        text: str,
        source: str,
        targets: Collection[str],
        tier: str,
        glossary: Glossary = NONE,
        *,
        partial: bool = False,
    ) -> AsyncIterator[Translated | NotTranslated]:
        """Each target's result as it is ready, exactly one for each; what a failed call still owed counts as failed.

        `partial`: the text may still change.
        """
        owed = set(targets)
        request = translation_pb2.TranslateRequest(
            text=text,
            source_language=source,
            target_languages=sorted(owed),
            quality_tier=tier,
            glossary=_glossary(glossary),
            partial=partial,
        )
        failure: LingocastError | None = None
        try:
            with rpc_errors():
                async for response in self._translation.Translate(request):
                    if response.language in owed:
                        owed.discard(response.language)
                        yield _result(response)
        except LingocastError as error:
            log.warning("translate_call_failed", reason=error.reason, message=error.message)
            failure = error
        for language in sorted(owed):
            yield NotTranslated(language, "TRANSLATION_FAILED", transient=not isinstance(failure, Invalid))

    async def synthesize(
        self,
        text: str,
        language: str,
        *,
        dynamics: Dynamics,
        tempo: float,
        tier: str,
        segment_id: int,
        hurried: bool = False,
        feed: str = "",
    ) -> AsyncIterator[VoiceBegun | bytes]:
        """First VoiceBegun, then PCM s16le 16 kHz as it is made. `feed`: any name that all its texts share. Raises
        LingocastError."""
        request = synthesis_pb2.SynthesizeRequest(
            text=text,
            language=language,
            dynamics=_dynamics(dynamics),
            tempo=tempo,
            quality_tier=tier,
            segment_id=str(segment_id),
            hurried=hurried,
            feed=feed,
        )
        with rpc_errors():
            async for response in self._synthesis.Synthesize(request):
                match response.WhichOneof("event"):
                    case "started":
                        yield VoiceBegun(response.started.tempo, response.started.fallback)
                    case "audio":
                        yield response.audio

    async def pairs(self) -> set[tuple[str, str]]:
        """Every (source, target) that translation offers. Raises LingocastError."""
        with rpc_errors():
            response = await self._translation.ListLanguages(translation_pb2.ListLanguagesRequest())
        return {(pair.source_language, pair.target_language) for pair in response.pairs}

    async def voices(self) -> dict[str, bool]:
        """Every language that can be spoken, and whether a neural voice speaks it. Raises LingocastError."""
        with rpc_errors():
            response = await self._synthesis.ListVoices(synthesis_pb2.ListVoicesRequest())
        voices: dict[str, bool] = {}
        for voice in response.voices:
            voices[voice.language] = voices.get(voice.language, False) or voice.neural
        return voices


@asynccontextmanager
async def open_downstream(translation: str, synthesis: str) -> AsyncIterator[Downstream]:
    """Connects to both addresses."""
    async with AsyncExitStack() as stack:
        translation_channel = await stack.enter_async_context(connect(translation))
        synthesis_channel = await stack.enter_async_context(connect(synthesis))
        yield Downstream(
            translation_pb2_grpc.TranslationServiceStub(translation_channel),
            synthesis_pb2_grpc.SynthesisServiceStub(synthesis_channel),
        )


def _result(response: translation_pb2.TranslateResponse) -> Translated | NotTranslated:
    if response.WhichOneof("outcome") == "translation":
        made = response.translation
        return Translated(response.language, made.text, None if made.from_cache else made.fallback)
    return NotTranslated(response.language, response.failure.reason, response.failure.transient)


@lru_cache(maxsize=64)
def _glossary(glossary: Glossary) -> translation_pb2.Glossary:
    """A session's terms as they travel with each of its segments; made once."""
    terms = [
        translation_pb2.GlossaryTerm(source=term.source, target=term.target, language=term.language)
        for term in glossary.terms
    ]
    return translation_pb2.Glossary(version=glossary.version, terms=terms)


def _dynamics(dynamics: Dynamics) -> audio_pb2.Dynamics:
    return audio_pb2.Dynamics(
        volume=_VOLUME[dynamics.volume],
        rate=_RATE[dynamics.rate],
        emotion=_EMOTION[dynamics.emotion],
        intensity=dynamics.intensity,
        level_dbfs=dynamics.level,
        words_per_minute=dynamics.words_per_minute,
    )
