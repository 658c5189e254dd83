"""One language of one broadcast: its captions in order, its voice, and whether it works.

A lane lives as long as the broadcast; while nobody listens it rests. Nothing in it waits for another language. A draft
of the open segment is shown only while nothing final of the lane is under way, and is dropped when it is late.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chassis.drive import Inbox, drive
from chassis.telemetry import Attribute, Metric, meter
from transcription_svc.domain.draft import Shown
from transcription_svc.domain.events import Caption, Output
from transcription_svc.domain.reorder import Arrived, Expected, Failed, Released, Reorder, Skipped
from transcription_svc.domain.segmenter import SegmentCorrected, SegmentGrew
from transcription_svc.downstream import Downstream
from transcription_svc.health import Health
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces
from transcription_svc.voice import Voice

# A translation that has not come after this is skipped: its deadline is 2 s, and one retry may follow.
REORDER_SECONDS = 4.0

_caption_lag = meter.create_histogram(Metric.CAPTION_LAG, "s")


@dataclass(frozen=True, slots=True)
class _Final:
    """A segment's text in the lane's language; a correction is not spoken."""

    segment: Segment | SegmentCorrected
    text: str


class Lane:
    """`expect` each segment when it closes, then say what came of its translation; the lane does the rest."""

    def __init__(
        self,
        language: str,
        tier: str,
        downstream: Downstream,
        emit: Callable[[Output], Awaitable[None]],
        traces: SegmentTraces,
        *,
        offer: Callable[[Output], bool],
    ) -> None:
        """`offer`: as `emit`, for what may be left out; False when there is no room at once."""
        self.language = language
        self._emit = emit
        self._offer = offer
        self._traces = traces
        self._health = Health(language, emit)
        self._voice = Voice(language, tier, downstream, emit, traces=traces, health=self._health)
        self._results: Inbox[Expected | Arrived[_Final] | Failed] = Inbox(64)
        self._shown = Shown(language)
        self._expected = 0  # The newest segment that is closed.
        self._under_way = 0  # Finals expected and not yet shown.
        self._corrections = 0

    @property
    def wanted(self) -> bool:
        """Whether somebody listens."""
        return self._voice.wanted

    @property
    def lag_seconds(self) -> float | None:
        """How far the voice is behind the speaker; None when there is nothing to tell."""
        return self._voice.lag_seconds

    async def run(self) -> None:
        """Until `finish`; then what is under way has been played out."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._voice.run(), name=f"voice {self.language}")
            await drive(Reorder[_Final](REORDER_SECONDS), self._results, self._in_turn)
            await self._voice.finish()

    async def expect(self, segment: Segment) -> None:
        """A translation of it will come. Called in the order of speech."""
        self._traces.hold(segment.segment_id)
        self._expected = segment.segment_id
        await self._expect(segment.segment_id)

    async def translated(self, segment: Segment, text: str) -> None:
        """It came."""
        await self._results.put(Arrived(segment.segment_id, _Final(segment, text)))
        await self._health.works("translation")

    async def corrected(self, correction: SegmentCorrected, text: str) -> None:
        """What a closed segment should have said: shown in its turn, not spoken."""
        self._corrections += 1
        await self._expect(-self._corrections)
        await self._results.put(Arrived(-self._corrections, _Final(correction, text)))

    def draft(self, segment: SegmentGrew, text: str) -> None:
        """The open segment as it would be translated now; `text` is empty when all of it was taken back."""
        if self._under_way or not self.wanted or segment.segment_id <= self._expected:
            return
        number = segment.segment_id
        shown = self._shown.receive(number, text) if text else self._shown.clear(number)
        if shown is not None:
            self._offer(self._caption(segment, shown, is_final=False))

    async def failed(self, segment: Segment, reason: str) -> None:
        """It will not come."""
        await self._results.put(Failed(segment.segment_id))
        await self._health.fails("translation", reason)

    def wake(self) -> None:
        """Somebody listens."""
        self._voice.wanted = True

    async def rest(self) -> None:
        """Nobody listens any more: the cue under way goes on, what waits is dropped unsaid."""
        await self._voice.rest()

    def finish(self) -> None:
        """No more segments."""
        self._results.close()

    def queued_seconds(self) -> float:
        """Audio that was made and not yet heard."""
        return self._voice.queued_seconds()

    async def _expect(self, key: int) -> None:
        self._under_way += 1
        await self._results.put(Expected(key))

    async def _in_turn(self, result: Released[_Final] | Skipped) -> None:
        match result:
            case Skipped(key):
                await self._voice.drop(key, 0.0, "TRANSLATION_FAILED")
            case Released(item=_Final(Segment() as segment, text)):
                await self._show(segment, text)
                await self._voice.put(segment, text)
            case Released(item=_Final(correction, text)):
                await self._emit(self._caption(correction, text))
        self._under_way -= 1

    async def _show(self, segment: Segment, text: str) -> None:
        _caption_lag.record(
            max(asyncio.get_running_loop().time() - segment.speech_end, 0.0), {Attribute.LANGUAGE.value: self.language}
        )
        await self._emit(self._caption(segment, text, traceparent=segment.trace.parent))

    def _caption(
        self,
        of: Segment | SegmentCorrected | SegmentGrew,
        text: str,
        *,
        is_final: bool = True,
        traceparent: str = "",
    ) -> Caption:
        """A draft promises nothing: its final is translated anew."""
        stable = len(text) if is_final else 0
        return Caption(of.segment_id, self.language, text, stable, is_final, of.start, of.end, traceparent)
