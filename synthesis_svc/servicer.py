"""The synthesis API: checks the request, chooses the voice, frames its audio, measures it."""

import math
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import grpc
from google.protobuf.duration_pb2 import Duration

from chassis import language as languages
from chassis import pcm
from chassis.durations import duration
from chassis.errors import Invalid, LingocastError
from chassis.telemetry import Attribute, Metric, Span, meter, tracer
from protos.audio.v1 import audio_pb2
from protos.synthesis.v1 import synthesis_pb2, synthesis_pb2_grpc
from synthesis_svc.domain.framing import Framer
from synthesis_svc.domain.prosody import Dynamics, Emotion, Rate, Volume, deliver
from synthesis_svc.domain.speakable import has_something_to_say, tidy
from synthesis_svc.domain.voices import STANDARD, Casting, Tier
from synthesis_svc.engines import Order, Synthesizer

MAX_CHARACTERS: Final = 6_000

_VOLUMES: Final = {
    audio_pb2.VOLUME_CLASS_WHISPER: Volume.WHISPER,
    audio_pb2.VOLUME_CLASS_SOFT: Volume.SOFT,
    audio_pb2.VOLUME_CLASS_LOUD: Volume.LOUD,
}
_RATES: Final = {
    audio_pb2.RATE_CLASS_VERY_SLOW: Rate.VERY_SLOW,
    audio_pb2.RATE_CLASS_SLOW: Rate.SLOW,
    audio_pb2.RATE_CLASS_FAST: Rate.FAST,
    audio_pb2.RATE_CLASS_VERY_FAST: Rate.VERY_FAST,
}
_EMOTIONS: Final = {
    audio_pb2.EMOTION_CALM: Emotion.CALM,
    audio_pb2.EMOTION_EXCITED: Emotion.EXCITED,
    audio_pb2.EMOTION_SAD: Emotion.SAD,
    audio_pb2.EMOTION_ANGRY: Emotion.ANGRY,
    audio_pb2.EMOTION_SURPRISED: Emotion.SURPRISED,
    audio_pb2.EMOTION_FEARFUL: Emotion.FEARFUL,
}
_FORMAT: Final = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=pcm.SAMPLE_RATE)

_first_chunk = meter.create_histogram(Metric.SYNTHESIZE_FIRST, unit="s")
_failures = meter.create_counter(Metric.LANGUAGE_FAILURES)


@dataclass(slots=True)
class _Clock:
    """Times of one call, monotonic seconds."""

    received: float
    first_chunk: float | None = None

    def since_received(self, moment: float) -> Duration:
        return duration(moment - self.received)


class Synthesis(synthesis_pb2_grpc.SynthesisServiceServicer):
    """SynthesisService over one engine. `tiers` by name, `standard` first."""

    def __init__(self, engine: Synthesizer, casting: Casting, tiers: Mapping[str, Tier]) -> None:
        self._engine = engine
        self._casting = casting
        self._tiers = tiers

    async def Synthesize(
        self,
        request: synthesis_pb2.SynthesizeRequest,
        context: grpc.aio.ServicerContext[synthesis_pb2.SynthesizeRequest, synthesis_pb2.SynthesizeResponse],
    ) -> AsyncIterator[synthesis_pb2.SynthesizeResponse]:
        """Speaks one text, as the proto says."""
        clock = _Clock(time.monotonic())
        order = self._order(request)
        if not has_something_to_say(order.text):
            yield _started(order.voice.name, order.voice.engine, order.delivery.tempo)
            yield _finished(clock, 0)
            return
        span = tracer.start_span(Span.ENGINE_SYNTHESIZE, attributes=_attributes(order, request.segment_id))
        try:
            async with self._engine.speak(order) as speech:
                span.set_attribute(Attribute.ENGINE, speech.voice.engine)
                yield _started(speech.voice.name, speech.voice.engine, order.delivery.tempo, fallback=speech.fallback)
                framer = Framer()
                async for block in speech.audio:
                    for chunk in framer.push(block):
                        if clock.first_chunk is None:
                            clock.first_chunk = time.monotonic()
                            _first_chunk.record(
                                clock.first_chunk - clock.received,
                                {Attribute.LANGUAGE: order.language, Attribute.ENGINE: speech.voice.engine},
                            )
                        yield synthesis_pb2.SynthesizeResponse(audio=chunk)
            yield _finished(clock, framer.sent_bytes)
        except LingocastError as error:
            _failures.add(1, {Attribute.LANGUAGE: order.language, Attribute.REASON: error.reason})
            span.set_attribute(Attribute.REASON, error.reason)
            raise
        finally:
            span.end()

    async def ListVoices(
        self,
        request: synthesis_pb2.ListVoicesRequest,
        context: grpc.aio.ServicerContext[synthesis_pb2.ListVoicesRequest, synthesis_pb2.ListVoicesResponse],
    ) -> synthesis_pb2.ListVoicesResponse:
        """The voices of the engine in use, as the proto says."""
        language = _language(request.language) if request.language else ""
        return synthesis_pb2.ListVoicesResponse(
            voices=[
                synthesis_pb2.Voice(
                    name=voice.name,
                    language=voice.language,
                    engine=voice.engine,
                    neural=voice.neural,
                    default_for_tiers=served,
                )
                for voice, served in self._cast().listed(self._tiers.values(), language)
            ]
        )

    def _cast(self) -> Casting:
        """Over the voices that the engine lists now: some engines learn of new ones as they run."""
        self._casting = self._casting.over(self._engine.voices)
        return self._casting

    def _order(self, request: synthesis_pb2.SynthesizeRequest) -> Order:
        """Raises Invalid with the reasons of the proto."""
        if not request.text.strip():
            raise Invalid("EMPTY_TEXT", "there is no text to speak")
        if len(request.text) > MAX_CHARACTERS:
            raise Invalid("INVALID_PARAMETER", f"a text has at most {MAX_CHARACTERS} characters")
        if not math.isfinite(request.tempo) or request.tempo < 0:
            raise Invalid("INVALID_PARAMETER", "tempo is a positive factor, or zero for 1.0")
        tier = self._tiers.get(request.quality_tier or STANDARD.name)
        if tier is None:
            raise Invalid("INVALID_PARAMETER", f"quality_tier is one of: {', '.join(sorted(self._tiers))}")
        language = _language(request.language)
        casting = self._cast()
        default = casting.default(language, tier)
        return Order(
            text=tidy(request.text),
            language=language,
            voice=casting.named(request.voice, language, tier) if request.voice else default,
            delivery=deliver(_dynamics(request.dynamics), request.tempo or 1.0),
            tier=tier,
            pinned=bool(request.voice),
            hurried=request.hurried,
            feed=request.feed,
        )


def _language(code: str) -> str:
    """What is no code at all is no language of ours either. Raises Invalid(UNSUPPORTED_LANGUAGE)."""
    try:
        return languages.parse(code)
    except Invalid as error:
        raise Invalid("UNSUPPORTED_LANGUAGE", error.message) from error


def _dynamics(message: audio_pb2.Dynamics) -> Dynamics:
    """Unknown numbers of a newer caller count as not measured."""
    intensity = message.intensity if math.isfinite(message.intensity) else 0.0
    return Dynamics(
        volume=_VOLUMES.get(message.volume, Volume.MEDIUM),
        rate=_RATES.get(message.rate, Rate.MEDIUM),
        emotion=_EMOTIONS.get(message.emotion, Emotion.NEUTRAL),
        intensity=min(max(intensity, 0.0), 1.0),
    )


def _started(voice: str, engine: str, tempo: float, *, fallback: bool = False) -> synthesis_pb2.SynthesizeResponse:
    return synthesis_pb2.SynthesizeResponse(
        started=synthesis_pb2.SynthesisStarted(
            format=_FORMAT, voice=voice, engine=engine, tempo=tempo, fallback=fallback
        )
    )


def _finished(clock: _Clock, sent_bytes: int) -> synthesis_pb2.SynthesizeResponse:
    now = time.monotonic()
    return synthesis_pb2.SynthesizeResponse(
        finished=synthesis_pb2.SynthesisFinished(
            audio_duration=duration(sent_bytes / pcm.BYTES_PER_SECOND),
            first_chunk_time=clock.since_received(now if clock.first_chunk is None else clock.first_chunk),
            total_time=clock.since_received(now),
        )
    )


def _attributes(order: Order, segment_id: str) -> dict[str, str]:
    return {Attribute.LANGUAGE: order.language, Attribute.SEGMENT: segment_id, Attribute.ENGINE: order.voice.engine}
