"""The stream to transcription_svc, as one that does not break: lost, it is opened again and goes on where it was.

What must survive a loss is kept here: the audio since the last final (said again, so that the sentence under way is
recognised whole), the number of the next segment, the languages wanted, the glossary and whether audio is held.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import grpc
import structlog
from google.protobuf import duration_pb2

from chassis import durations
from chassis.errors import Denied, Invalid, LingocastError, rpc_errors
from chassis.glossary import NONE, Glossary
from chassis.pcm import BYTES_PER_SAMPLE, SAMPLE_RATE, seconds
from chassis.telemetry import Attribute, Metric, Span, context_of, meter, span_between
from edge.domain.backlog import Backlog
from edge.domain.feed import (
    Caption,
    CueAudio,
    CueEnded,
    CuesDropped,
    CueStarted,
    FeedEvent,
    LagReported,
    LanguageStatusChanged,
    QualityChanged,
    SourceCaptioned,
    SpeakerEvent,
    Warned,
)
from edge.domain.outage import News, Outage
from edge.domain.speaker import LEAST_BYTES, Chunk
from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import TranscriptionServiceStub
from protos.translation.v1 import translation_pb2

log = structlog.get_logger()
audio_dropped = meter.create_counter(Metric.AUDIO_DROPPED)

MOST_SENT: Final = round(30.0 * SAMPLE_RATE * BYTES_PER_SAMPLE / LEAST_BYTES)
"""Chunks remembered: 30 s of the shortest, which is longer than any segment."""

RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0)
_ISSUES: Final = {
    pb.QUALITY_ISSUE_SNR_LOW: "snr_low",
    pb.QUALITY_ISSUE_CLIPPING: "clipping",
    pb.QUALITY_ISSUE_ECHO: "echo",
    pb.QUALITY_ISSUE_SILENCE: "silence",
}
LOST: Final = "TRANSCRIPTION_LOST"
RECOVERED: Final = "TRANSCRIPTION_RECOVERED"
REFUSED: Final = "TRANSCRIPTION_REFUSED"

Heard: TypeAlias = FeedEvent | SpeakerEvent
Listener: TypeAlias = Callable[[Heard], None]


@dataclass(frozen=True, slots=True)
class BroadcastSettings:
    """What a stream begins with. `first_segment_id`: 1 unless another edge held the broadcast before."""

    session_id: str
    source_language: str
    quality_tier: str
    final_only: bool = False
    min_stability: float = 0.0
    max_buffer_seconds: float = 0.0
    first_segment_id: int = 1


@dataclass(frozen=True, slots=True)
class _Sent:
    start: float
    received_at: float
    sent_at: float


class Upstream:
    """One broadcast's stream. `run` opens it and returns when it is over for good; everything else never waits.

    At most 5 s of audio wait for a peer that does not take it; then the oldest goes, counted, and `hear` gets a
    Warned(AUDIO_DROPPED). `hear` also gets Warned with LOST when a loss lasts `tell_after` seconds, RECOVERED after
    that, and REFUSED when it is no use to try again.
    """

    def __init__(
        self, channel: grpc.aio.Channel, settings: BroadcastSettings, hear: Listener, tell_after: float
    ) -> None:
        self._stub = TranscriptionServiceStub(channel)
        self._settings = settings
        self._hear = hear
        self._backlog = Backlog()
        self._wake = asyncio.Event()
        self._targets: frozenset[str] = frozenset()
        self._targets_sent: frozenset[str] = frozenset()
        self._glossary = self._glossary_sent = NONE
        self._held = False
        self._held_sent = False
        self._finished = False
        self._stream_number = 0
        self._up = False
        self._outage = Outage(tell_after)
        self._dropping = False
        self._timer: asyncio.TimerHandle | None = None
        self._next_segment = settings.first_segment_id
        self._traced: set[int] = set()
        # What a trace wants to know of recent audio.
        self._sent: deque[_Sent] = deque(maxlen=MOST_SENT)

    def put(self, chunk: Chunk) -> None:
        dropped = self._backlog.put(chunk)
        if dropped:
            self._count_dropped(dropped)
        else:
            self._dropping = self._dropping and self._backlog.seconds > 1.0
        self._wake.set()

    def set_targets(self, languages: frozenset[str]) -> None:
        self._targets = languages
        self._wake.set()

    def set_glossary(self, glossary: Glossary) -> None:
        """The terms that hold from now on, also for audio that waits here."""
        self._glossary = glossary
        self._wake.set()

    def set_held(self, held: bool) -> None:
        """True: no audio follows for now, what was put before is closed as if speech had ended."""
        self._held = held
        self._wake.set()

    def finish(self) -> None:
        """No more audio; what was put is recognised, translated and played out, then `run` returns."""
        self._finished = True
        self._wake.set()

    async def run(self) -> None:
        attempt = 0
        self._outage.lost(_now())
        self._arm()
        try:
            while True:
                began = time.monotonic()
                if await self._stream_to_its_end():
                    return
                self._stream_lost()
                attempt = 0 if time.monotonic() - began > 5.0 else attempt + 1
                await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _stream_to_its_end(self) -> bool:
        """One stream. True when it was the last; False when it broke."""
        try:
            with rpc_errors():
                async for response in self._stub.Broadcast(self._requests()):
                    self._receive(response)
        except LingocastError as error:
            log.warning("broadcast_lost", session=self._settings.session_id, reason=error.reason)
            if isinstance(error, Invalid | Denied):
                self._hear(Warned(REFUSED, "recognition refused this broadcast"))
                return True
            return False
        return self._finished

    def _stream_lost(self) -> None:
        self._up = False
        self._stream_number += 1  # Of none: what waits from here on is for the next.
        dropped = self._backlog.rewind()
        if dropped:
            self._count_dropped(dropped)
        self._outage.lost(_now())
        self._arm()

    def _stream_began(self) -> None:
        self._up = True
        self._outage.began(_now())
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._outage.deadline()
        self._timer = None if due is None else asyncio.get_running_loop().call_at(due, self._tick)

    def _tick(self) -> None:
        self._tell(self._outage.tick(_now()))
        self._arm()

    def _tell(self, news: News | None) -> None:
        match news:
            case News.LOST:
                self._hear(Warned(LOST, "recognition does not answer at present; it is tried again and again"))
            case News.RECOVERED:
                self._hear(Warned(RECOVERED, "recognition works again"))

    async def _requests(self) -> AsyncIterator[pb.BroadcastRequest]:
        self._targets_sent = self._targets
        self._glossary_sent = self._glossary
        self._held_sent = False
        self._stream_number += 1
        own_number = self._stream_number
        yield self._config()
        # gRPC may leave the generator of a broken stream waiting; it must not take what is for the stream that follows.
        while own_number == self._stream_number:
            request = self._next()
            if request is not None:
                yield request
            elif self._finished:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    def _next(self) -> pb.BroadcastRequest | None:
        if self._targets != self._targets_sent:
            self._targets_sent = self._targets
            return pb.BroadcastRequest(targets=pb.SetTargets(languages=sorted(self._targets)))
        if self._glossary is not self._glossary_sent and self._glossary != self._glossary_sent:
            self._glossary_sent = self._glossary
            return pb.BroadcastRequest(glossary=_terms(self._glossary))
        # Held after the audio that came before; flowing again before the audio that comes after.
        if self._held != self._held_sent and (self._held_sent or not len(self._backlog)):
            self._held_sent = self._held
            return pb.BroadcastRequest(paused=pb.SetPaused(paused=self._held))
        chunk = self._backlog.take()
        if chunk is None:
            return None
        self._sent.append(_Sent(chunk.start, chunk.received_at, time.time()))
        return _audio(chunk)

    def _config(self) -> pb.BroadcastRequest:
        settings = self._settings
        config = pb.BroadcastConfig(
            session_id=settings.session_id,
            source_language=settings.source_language,
            quality_tier=settings.quality_tier,
            audio_format=audio_pb2.AudioFormat(
                encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=SAMPLE_RATE
            ),
            target_languages=sorted(self._targets),
            final_only=settings.final_only,
            min_stability=settings.min_stability,
            first_segment_id=self._next_segment,
            glossary=_terms(self._glossary) if self._glossary.terms else None,
        )
        if settings.max_buffer_seconds:
            config.max_buffer.CopyFrom(durations.duration(settings.max_buffer_seconds))
        return pb.BroadcastRequest(config=config)

    def _receive(self, response: pb.BroadcastResponse) -> None:
        match response.WhichOneof("response"):
            case "started":
                self._stream_began()
            case "source_caption":
                self._source_caption(response.source_caption)
            case _:
                event = _event(response)
                if event is not None:
                    self._hear(event)

    def _source_caption(self, caption: pb.SourceCaption) -> None:
        self._tell(self._outage.works())
        self._arm()
        event = _caption(caption, self._settings.source_language)
        if caption.traceparent and caption.segment_id not in self._traced:
            self._traced.add(caption.segment_id)
            self._record_receipt(caption)
        if caption.is_final:
            self._traced.discard(caption.segment_id)
            self._next_segment = max(self._next_segment, caption.segment_id + 1)
            self._backlog.confirm(event.end_ms / 1000)
        self._hear(SourceCaptioned(event))

    def _record_receipt(self, caption: pb.SourceCaption) -> None:
        start = durations.seconds(caption.span.start_offset)
        first = next((sent for sent in reversed(self._sent) if sent.start <= start), None)
        if first is None:
            return
        attributes: dict[str, str | int | float] = {
            Attribute.SESSION: self._settings.session_id,
            Attribute.SEGMENT: caption.segment_id,
        }
        context = context_of(caption.traceparent)
        span_between(Span.EDGE_RECEIVE, context, first.received_at, first.sent_at, attributes)

    def _count_dropped(self, chunks: int) -> None:
        audio_dropped.add(chunks, {Attribute.REASON: "back_pressure"})
        # During a loss the loss is what the speaker is told of, if it lasts.
        if self._up and not self._dropping:
            self._dropping = True
            self._hear(Warned("AUDIO_DROPPED", "recognition does not keep up; the oldest audio is dropped"))


def _audio(chunk: Chunk) -> pb.BroadcastRequest:
    """Filled in place, by numbers: thousands a second are made, and copies and timedeltas took three times as long."""
    request = pb.BroadcastRequest()
    audio = request.audio
    audio.audio = chunk.audio
    start = round(chunk.start * 1_000_000)
    audio.start_offset.seconds, audio.start_offset.nanos = start // 1_000_000, start % 1_000_000 * 1_000
    received = round(chunk.received_at * 1_000_000_000)
    audio.received_at.seconds, audio.received_at.nanos = divmod(received, 1_000_000_000)
    return request


def _terms(glossary: Glossary) -> translation_pb2.Glossary:
    terms = [
        translation_pb2.GlossaryTerm(source=term.source, target=term.target, language=term.language)
        for term in glossary.terms
    ]
    return translation_pb2.Glossary(version=glossary.version, terms=terms)


def _event(response: pb.BroadcastResponse) -> Heard | None:  # noqa: PLR0911, C901 - a table
    match response.WhichOneof("response"):
        case "caption":
            return _caption(response.caption, response.caption.language)
        case "cue_start":
            return _cue_started(response.cue_start)
        case "cue_audio":
            cue = response.cue_audio
            return CueAudio(cue.cue_id, cue.language, cue.audio, seconds(cue.audio))
        case "cue_end":
            end = response.cue_end
            return CueEnded(end.cue_id, end.language, _milliseconds(end.audio_duration))
        case "cues_dropped":
            drop = response.cues_dropped
            return CuesDropped(drop.language, len(drop.segment_ids), durations.seconds(drop.audio_duration))
        case "language_status":
            status = response.language_status
            return LanguageStatusChanged(status.language, status.available, status.reason)
        case "quality_warning":
            flaw = response.quality_warning
            return QualityChanged(_ISSUES.get(flaw.issue, "unknown"), False, flaw.value, flaw.threshold, flaw.advice)
        case "quality_recovered":
            return QualityChanged(_ISSUES.get(response.quality_recovered.issue, "unknown"), True)
        case "lag_report":
            return LagReported({code: durations.seconds(lag) for code, lag in response.lag_report.voice_lag.items()})
        case "warning":
            return Warned(response.warning.reason, response.warning.message)
    return None  # Something that a later release says.


def _caption(caption: pb.Caption | pb.SourceCaption, language: str) -> Caption:
    return Caption(
        caption.segment_id,
        language,
        caption.text,
        caption.stable_chars,
        caption.is_final,
        _milliseconds(caption.span.start_offset),
        _milliseconds(caption.span.end_offset),
        caption.traceparent,
    )


def _cue_started(cue: pb.CueStart) -> CueStarted:
    return CueStarted(
        cue.cue_id,
        cue.segment_id,
        cue.language,
        cue.format.sample_rate_hertz or SAMPLE_RATE,
        _milliseconds(cue.span.start_offset),
        _milliseconds(cue.span.end_offset),
        cue.tempo,
        cue.traceparent,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _milliseconds(length: duration_pb2.Duration) -> int:
    return round(durations.seconds(length) * 1000)
