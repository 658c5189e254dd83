"""One language of one broadcast: its captions in order, its voice, its playout clock.

A lane lives as long as the broadcast; while nobody listens it rests. Nothing in it waits for another language.
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
from transcription_svc.domain.dynamics import Dynamics
from transcription_svc.domain.events import Caption, CuesDropped, LanguageStatus, Output
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
from transcription_svc.domain.reorder import Arrived, Expected, Failed, Released, Reorder, Skipped
from transcription_svc.downstream import Downstream, VoiceBegun
from transcription_svc.tracing import SegmentTrace, SegmentTraces

log = structlog.get_logger()

# A translation that has not come after this is skipped: its deadline is 2 s, and one retry may follow.
REORDER_SECONDS = 4.0
FIRST_AUDIO_SECONDS = 3.0
# Voice that waits, made or not. Beyond it the oldest texts are given up unspoken: their captions have been shown.
BACKLOG_SECONDS = 8.0
# The voice is not made further ahead than this, so that a late decision (tempo, dropping) still counts.
MADE_AHEAD_SECONDS = 4.0
# Words per second of a synthetic voice, to say how much was given up of what was never made.
WORDS_PER_SECOND = 2.5

_caption_lag = meter.create_histogram(Metric.CAPTION_LAG, "s")
_voice_lag = meter.create_histogram(Metric.VOICE_LAG, "s")
_dropped = meter.create_counter(Metric.CUES_DROPPED)
_failures = meter.create_counter(Metric.LANGUAGE_FAILURES)


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed segment on its way through the lanes. `speech_end`: monotonic time at which its last sample arrived."""

    segment_id: int
    text: str
    start: float
    end: float
    speech_end: float
    dynamics: Dynamics
    trace: SegmentTrace


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


class Lane:
    """`expect` each segment when it closes, then say what came of its translation; the lane does the rest."""

    def __init__(
        self,
        language: str,
        tier: str,
        downstream: Downstream,
        emit: Callable[[Output], Awaitable[None]],
        traces: SegmentTraces,
    ) -> None:
        self.language = language
        self.wanted = True
        self.lag_seconds: float | None = None
        self._tier = tier
        self._downstream = downstream
        self._emit = emit
        self._traces = traces
        self._failing: set[str] = set()  # What of this language fails at present: translation, voice.
        self._results: Inbox[Expected | Arrived[_Spoken] | Failed] = Inbox(64)
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
            tasks.create_task(self._speak_all(), name=f"voice {self.language}")
            tasks.create_task(drive(self._playout, self._made, self._released), name=f"playout {self.language}")
            await drive(Reorder[_Spoken](REORDER_SECONDS), self._results, self._in_turn)
            self._backlog.close()

    async def expect(self, segment: Segment) -> None:
        """A translation of it will come. Called in the order of speech."""
        self._traces.hold(segment.segment_id)
        await self._results.put(Expected(segment.segment_id))

    async def translated(self, segment: Segment, text: str) -> None:
        """It came."""
        await self._results.put(Arrived(segment.segment_id, _Spoken(segment, text, _now())))
        await self._works("translation")

    async def failed(self, segment: Segment, reason: str) -> None:
        """It will not come."""
        await self._results.put(Failed(segment.segment_id))
        await self._fails("translation", reason)

    async def rest(self) -> None:
        """Nobody listens any more: the cue under way goes on, what waits is dropped unsaid."""
        self.wanted = False
        self.lag_seconds = None
        for spoken in self._backlog.clear():
            self._traces.release(spoken.segment.segment_id)

    def finish(self) -> None:
        """No more segments."""
        self._results.close()

    def queued_seconds(self) -> float:
        """Audio that was made and not yet heard."""
        return self._playout.queued_seconds(_now())

    async def _in_turn(self, result: Released[_Spoken] | Skipped) -> None:
        if isinstance(result, Skipped):
            await self._drop([result.key], 0.0, "TRANSLATION_FAILED")
            return
        await self._show(result.item)
        if not self.wanted or not result.item.text:
            self._traces.release(result.key)
            return
        for lost in self._backlog.put(result.item, self.queued_seconds()):
            await self._drop([lost.segment.segment_id], lost.seconds, "LAG_LIMIT")

    async def _show(self, spoken: _Spoken) -> None:
        segment = spoken.segment
        _caption_lag.record(max(_now() - segment.speech_end, 0.0), {Attribute.LANGUAGE.value: self.language})
        await self._emit(
            Caption(
                segment.segment_id,
                self.language,
                spoken.text,
                stable_chars=len(spoken.text),
                is_final=True,
                start=segment.start,
                end=segment.end,
                traceparent=segment.trace.parent,
            )
        )

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
            Attribute.LANGUAGE.value: self.language,
            Attribute.SEGMENT.value: segment.segment_id,
        }
        with tracer.start_as_current_span(Span.VOICE, segment.trace.context, attributes=attributes):
            try:
                begun = await self._make_in_time(spoken)
            except TimeoutError:
                begun, reason = False, "SYNTHESIS_TIMEOUT"
            except LingocastError as error:
                begun, reason = False, "SYNTHESIS_FAILED"
                log.warning("voice_failed", language=self.language, reason=error.reason)
            else:
                await self._works("voice")
                if not begun:
                    self._traces.release(segment.segment_id)
                return
        await self._drop([segment.segment_id], spoken.seconds, reason)
        await self._fails("voice", reason)

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
            self.language,
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
            log.warning("voice_broke_off", language=self.language, reason=error.reason)
            _failures.add(1, {Attribute.LANGUAGE.value: self.language, Attribute.REASON.value: "SYNTHESIS_FAILED"})
        # Not in a `finally`: cancelled, it would wait for a place that nobody frees any more.
        if begun:
            await self._made.put(CueMade())
        return begun

    async def _begin(self, segment: Segment, tempo: float) -> None:
        self._drained.clear()
        cue = Cue(
            f"{segment.segment_id}-{self.language}",
            segment.segment_id,
            self.language,
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
                _voice_lag.record(max(lag, 0.0), {Attribute.LANGUAGE.value: self.language})
        await self._emit(action)
        if isinstance(action, EndCue):
            self._traces.release(action.cue.segment_id)
        if self._playout.idle and len(self._made) == 0:
            self._drained.set()

    async def _drop(self, segments: list[int], seconds: float, reason: str) -> None:
        attributes = {Attribute.LANGUAGE.value: self.language, Attribute.REASON.value: reason}
        _dropped.add(len(segments), attributes)
        for segment_id in segments:
            self._traces.release(segment_id)
        await self._emit(CuesDropped(self.language, tuple(segments), seconds, reason))

    async def _works(self, part: str) -> None:
        if self._failing == {part}:
            await self._emit(LanguageStatus(self.language, available=True))
        self._failing.discard(part)

    async def _fails(self, part: str, reason: str) -> None:
        _failures.add(1, {Attribute.LANGUAGE.value: self.language, Attribute.REASON.value: reason})
        if not self._failing:
            await self._emit(LanguageStatus(self.language, available=False, reason=reason))
        self._failing.add(part)


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
