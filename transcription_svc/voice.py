"""The voice of one language: what waits to be spoken, how it is made, and when it is released.

Texts come in the order of speech. Nothing in it waits for another language.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from chassis import pcm
from chassis.drive import Inbox, drive
from chassis.errors import LingocastError
from chassis.telemetry import Attribute, Metric, Span, meter, tracer
from transcription_svc.domain.events import CuesDropped, Output
from transcription_svc.domain.playout import (
    Action,
    Cue,
    CueBegun,
    CueGrew,
    CueMade,
    EndCue,
    Event,
    Hurry,
    Playout,
    StartCue,
    tempo_for,
)
from transcription_svc.downstream import Downstream, VoiceBegun
from transcription_svc.health import Health
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces

log = structlog.get_logger()

FIRST_AUDIO_SECONDS = 3.0
# Voice that waits, made or not. Beyond it the oldest texts are given up unspoken: their captions have been shown.
BACKLOG_SECONDS = 8.0
# The voice is not made further ahead than this, so that a late decision (tempo, dropping) still counts.
MADE_AHEAD_SECONDS = 4.0
# Words per second of a synthetic voice, to say how much was given up of what was never made.
WORDS_PER_SECOND = 2.5

_voice_lag = meter.create_histogram(Metric.VOICE_LAG, "s")
_dropped = meter.create_counter(Metric.CUES_DROPPED)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A segment's text in the lane's language."""

    segment: Segment
    text: str
    ready_at: float

    @property
    def seconds(self) -> float:
        """How long it will sound, about."""
        return len(self.text.split()) / WORDS_PER_SECOND


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
        self.lag_seconds: float | None = None
        """Of the cue that began last."""
        self._language = language
        self._tier = tier
        self._downstream = downstream
        self._emit = emit
        self._traces = traces
        self._health = health
        self._backlog = Backlog(BACKLOG_SECONDS)
        self._playout = Playout()
        self._made: Inbox[Event] = Inbox(8)  # Full: the voice waits, and with it the engine.
        self._tempo = 1.0
        self._hurry = Hurry()
        self._drained = asyncio.Event()
        self._drained.set()

    async def run(self) -> None:
        """Until `finish`; then what is under way has been played out."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._speak_all(), name=f"voice {self._language}")
            await drive(self._playout, self._made, self._released)

    async def put(self, segment: Segment, text: str) -> None:
        """The next text to speak; its trace is let go of when it has been spoken or given up."""
        if not self.wanted or not text:
            self._traces.release(segment.segment_id)
            return
        for lost in self._backlog.put(_Spoken(segment, text, _now()), self.queued_seconds()):
            await self.drop([lost.segment.segment_id], lost.seconds, "LAG_LIMIT")

    async def rest(self) -> None:
        """Nobody listens any more: the cue under way goes on, what waits is dropped unsaid."""
        self.wanted = False
        self.lag_seconds = None
        for spoken in self._backlog.clear():
            self._traces.release(spoken.segment.segment_id)

    def finish(self) -> None:
        """No more texts."""
        self._backlog.close()

    def queued_seconds(self) -> float:
        """Audio that was made and not yet heard."""
        return self._playout.queued_seconds(_now())

    async def drop(self, segments: list[int], seconds: float, reason: str) -> None:
        """Segments that will not be spoken: counted, told, let go of. `seconds` of audio, known or estimated."""
        _dropped.add(len(segments), {Attribute.LANGUAGE.value: self._language, Attribute.REASON.value: reason})
        for segment_id in segments:
            self._traces.release(segment_id)
        await self._emit(CuesDropped(self._language, tuple(segments), seconds, reason))

    async def _speak_all(self) -> None:
        async for spoken in self._backlog:
            await self._room()
            if self.wanted:
                await self._speak(spoken)
            else:
                self._traces.release(spoken.segment.segment_id)
        await self._drained.wait()
        self._made.close()

    async def _room(self) -> None:
        """Waits until little enough lies ready: a second of waiting plays a second of it."""
        await asyncio.sleep(max(self.queued_seconds() - MADE_AHEAD_SECONDS, 0.0))

    async def _speak(self, spoken: _Spoken) -> None:
        segment = spoken.segment
        attributes: dict[str, str | int] = {
            Attribute.LANGUAGE.value: self._language,
            Attribute.SEGMENT.value: segment.segment_id,
        }
        with tracer.start_as_current_span(Span.VOICE, segment.trace.context, attributes=attributes):
            try:
                begun = await self._make_in_time(spoken)
            except TimeoutError:
                begun, reason = False, "SYNTHESIS_TIMEOUT"
            except LingocastError as error:
                begun, reason = False, "SYNTHESIS_FAILED"
                log.warning("voice_failed", language=self._language, reason=error.reason)
            else:
                await self._health.works("voice")
                if not begun:
                    self._traces.release(segment.segment_id)
                return
        await self.drop([segment.segment_id], spoken.seconds, reason)
        await self._health.fails("voice", reason)

    async def _make_in_time(self, spoken: _Spoken) -> bool:
        """As `_make`; a voice that does not begin in time is asked for once more, for the quick one."""
        hurried = self._hurry.judge(_now() - spoken.ready_at, self.queued_seconds())
        try:
            return await self._make(spoken, hurried)
        except TimeoutError:
            if hurried:
                raise
            return await self._make(spoken, True)

    async def _make(self, spoken: _Spoken, hurried: bool) -> bool:
        """Makes the cue and queues it; False when it has nothing to say. Raises TimeoutError without a first chunk."""
        segment = spoken.segment
        self._tempo = tempo_for(self.queued_seconds(), self._tempo)
        voice = self._downstream.synthesize(
            spoken.text,
            self._language,
            dynamics=segment.dynamics,
            tempo=self._tempo,
            tier=self._tier,
            segment_id=segment.segment_id,
            hurried=hurried,
        )
        tempo, begun = self._tempo, False
        try:
            async with asyncio.timeout(FIRST_AUDIO_SECONDS) as patience:
                async for part in voice:
                    if isinstance(part, VoiceBegun):
                        tempo = part.tempo
                        continue
                    if not begun:
                        patience.reschedule(None)
                        begun = True
                        await self._begin(segment, tempo)
                    await self._made.put(CueGrew(part, pcm.seconds(part)))
        except LingocastError as error:
            # Half a sentence is better than none of it, and it has been heard already.
            if not begun:
                raise
            log.warning("voice_broke_off", language=self._language, reason=error.reason)
            self._health.count("SYNTHESIS_FAILED")
        # Not in a `finally`: cancelled, it would wait for a place that nobody frees any more.
        if begun:
            await self._made.put(CueMade())
        return begun

    async def _begin(self, segment: Segment, tempo: float) -> None:
        self._drained.clear()
        cue = Cue(
            f"{segment.segment_id}-{self._language}",
            segment.segment_id,
            self._language,
            segment.start,
            segment.end,
            tempo,
            segment.speech_end,
            segment.trace.parent,
        )
        await self._made.put(CueBegun(cue))

    async def _released(self, action: Action) -> None:
        match action:
            case StartCue(lag_seconds=lag):
                self.lag_seconds = lag
                _voice_lag.record(max(lag, 0.0), {Attribute.LANGUAGE.value: self._language})
        await self._emit(action)
        if isinstance(action, EndCue):
            self._traces.release(action.cue.segment_id)
        if self._playout.idle and len(self._made) == 0:
            self._drained.set()


class Backlog:
    """Texts that wait to be spoken, oldest first. Full: the oldest go, and `put` says which."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: deque[_Spoken] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, spoken: _Spoken, ahead: float) -> list[_Spoken]:
        """Queues it behind `ahead` seconds of voice; returns what had to go. The newest always stays."""
        self._waiting.append(spoken)
        self._changed.set()
        gone: list[_Spoken] = []
        while len(self._waiting) > 1 and ahead + sum(text.seconds for text in self._waiting) > self._seconds:
            gone.append(self._waiting.popleft())
        return gone

    def clear(self) -> list[_Spoken]:
        """Empties it; returns what was in it."""
        gone = list(self._waiting)
        self._waiting.clear()
        return gone

    def close(self) -> None:
        """Nothing more comes; what is in it is still spoken."""
        self._closed = True
        self._changed.set()

    def __aiter__(self) -> "Backlog":
        return self

    async def __anext__(self) -> _Spoken:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()


def _now() -> float:
    return asyncio.get_running_loop().time()
