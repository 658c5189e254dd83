"""The voice of one language: does what `Voicing` decides, with one call of synthesis for each attempt.

Nothing in it waits for another language.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from uuid import uuid4

import structlog

from chassis import pcm
from chassis.drive import Inbox, drive
from chassis.errors import LingocastError
from chassis.telemetry import Attribute, Metric, Span, meter, tracer
from transcription_svc.domain.events import CuesDropped, Output
from transcription_svc.domain.playout import Cue, EndCue, PlayAudio, StartCue
from transcription_svc.domain.silences import Silences
from transcription_svc.domain.speaking import (
    LAG_LIMIT,
    Action,
    Ask,
    CutShort,
    Event,
    Finished,
    Forget,
    GiveUp,
    NobodyListens,
    Stop,
    TextReady,
    TextsEnded,
    VoiceFailed,
    VoiceGrew,
    VoiceMade,
)
from transcription_svc.domain.voicing import Voicing
from transcription_svc.downstream import Downstream, VoiceBegun
from transcription_svc.health import Health
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces

log = structlog.get_logger()

# Of one cue that does not end: more is not taken from the engine before it is played.
MADE_SECONDS = 20.0

_voice_lag = meter.create_histogram(Metric.VOICE_LAG, "s")
_tempo = meter.create_histogram(Metric.VOICE_TEMPO, "1")
_dropped = meter.create_counter(Metric.CUES_DROPPED)


class Voice:
    """`put` each translated text, in order; `run` does the rest until `finish`."""

    def __init__(
        self,
        language: str,
        tier: str,
        downstream: Downstream,
        emit: Callable[[Output], Awaitable[None]],
        *,
        traces: SegmentTraces,
        health: Health,
    ) -> None:
        self.wanted = True
        self._language = language
        self._tier = tier
        self._downstream = downstream
        self._emit = emit
        self._traces = traces
        self._health = health
        self._feed = uuid4().hex
        self._voicing = Voicing()
        self._events: Inbox[Event] = Inbox(8)  # Full: the voice waits, and with it the engine.
        self._texts: dict[int, tuple[Segment, str]] = {}  # Of the segments that the machine knows.
        self._attempts: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until `finish`; then what is under way has been played out."""
        async with asyncio.TaskGroup() as making:

            async def perform(action: Action) -> None:
                await self._perform(action, making)

            await drive(self._voicing, self._events, perform)

    async def put(self, segment: Segment, text: str) -> None:
        """The next text to speak; its trace is let go of when it has been spoken or given up."""
        if not self.wanted or not text:
            self._traces.release(segment.segment_id)
            return
        self._texts[segment.segment_id] = segment, text
        cue = Cue(
            f"{segment.segment_id}-{self._language}",
            segment.segment_id,
            self._language,
            segment.start,
            segment.end,
            1.0,
            segment.speech_end,
            segment.trace.parent,
        )
        await self._events.put(TextReady(cue, len(text)))

    async def rest(self) -> None:
        """Nobody listens any more: the cue under way goes on, what waits is dropped unsaid."""
        self.wanted = False
        await self._events.put(NobodyListens())

    async def finish(self) -> None:
        """No more texts."""
        await self._events.put(TextsEnded())

    @property
    def lag_seconds(self) -> float | None:
        """How far it is behind the speaker; None when there is nothing to tell."""
        return self._voicing.lag_seconds(_now()) if self.wanted else None

    def queued_seconds(self) -> float:
        """Audio that was made and not yet heard."""
        return self._voicing.queued_seconds(_now())

    async def drop(self, segment_id: int, seconds: float, reason: str) -> None:
        """A segment will not be spoken: counted, told, let go of. `seconds` of audio, known or estimated."""
        _dropped.add(1, {Attribute.LANGUAGE.value: self._language, Attribute.REASON.value: reason})
        self._release(segment_id)
        await self._emit(CuesDropped(self._language, (segment_id,), seconds, reason))

    async def _perform(self, action: Action, making: asyncio.TaskGroup) -> None:
        match action:
            case Ask():
                name = f"voice {self._language} {action.segment_id}"
                self._attempts[action.attempt] = making.create_task(self._make(action), name=name)
            case Stop(attempt):
                # Here, too: one that is stopped before it runs never comes to its end.
                stopped = self._attempts.pop(attempt, None)
                if stopped is not None:
                    stopped.cancel()
            case GiveUp(segment_id, seconds, reason):
                await self.drop(segment_id, seconds, reason)
                if reason != LAG_LIMIT:
                    await self._health.fails("voice", reason)
            case CutShort(reason):
                self._health.count(reason)
            case Forget(segment_id):
                self._release(segment_id)
            case Finished():
                self._events.close()
            case StartCue() | PlayAudio() | EndCue():
                await self._play(action)

    async def _play(self, action: StartCue | PlayAudio | EndCue) -> None:
        if isinstance(action, StartCue):
            _voice_lag.record(max(action.lag_seconds, 0.0), {Attribute.LANGUAGE.value: self._language})
            _tempo.record(action.cue.tempo, {Attribute.LANGUAGE.value: self._language})
            await self._health.works("voice")
        await self._emit(action)
        if isinstance(action, EndCue):
            self._release(action.cue.segment_id)

    async def _make(self, ask: Ask) -> None:
        segment, text = self._texts[ask.segment_id]
        attributes: dict[str, str | int] = {
            Attribute.LANGUAGE.value: self._language,
            Attribute.SEGMENT.value: ask.segment_id,
        }
        try:
            with tracer.start_as_current_span(Span.VOICE, segment.trace.context, attributes=attributes):
                await self._events.put(await self._spoken(ask, segment, text))
        finally:
            self._attempts.pop(ask.attempt, None)

    async def _spoken(self, ask: Ask, segment: Segment, text: str) -> VoiceMade | VoiceFailed:
        """Makes the voice and hands its audio on; returns how that ended."""
        silences, tempo, begun = Silences(ask.longest_pause), ask.tempo, False
        voice = self._downstream.synthesize(
            text,
            self._language,
            dynamics=segment.dynamics,
            tempo=ask.tempo,
            tier=self._tier,
            segment_id=segment.segment_id,
            hurried=ask.hurried,
            feed=self._feed,
        )
        try:
            # Closed here: a call of which nobody wants more is not left to the garbage collector.
            async with aclosing(voice) as parts:  # type: ignore[type-var]
                async for part in parts:
                    if isinstance(part, VoiceBegun):
                        tempo = part.tempo
                        continue
                    begun = True
                    await self._grow(ask.attempt, tempo, silences.shorten(part))
        except LingocastError as error:
            log.warning("voice_failed", language=self._language, reason=error.reason, begun=begun)
            return VoiceFailed(ask.attempt)
        await self._grow(ask.attempt, tempo, silences.rest())
        return VoiceMade(ask.attempt)

    async def _grow(self, attempt: int, tempo: float, audio: bytes) -> None:
        if audio:
            await self._events.put(VoiceGrew(attempt, tempo, audio, pcm.seconds(audio)))
        await asyncio.sleep(max(self.queued_seconds() - MADE_SECONDS, 0.0))

    def _release(self, segment_id: int) -> None:
        self._texts.pop(segment_id, None)
        self._traces.release(segment_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
