"""One language of one broadcast: its captions in order, its voice, and whether it works.

A lane lives as long as the broadcast; while nobody listens it rests. Nothing in it waits for another language.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chassis.drive import Inbox, drive
from chassis.telemetry import Attribute, Metric, meter
from transcription_svc.domain.events import Caption, Output
from transcription_svc.domain.reorder import Arrived, Expected, Failed, Released, Reorder, Skipped
from transcription_svc.downstream import Downstream
from transcription_svc.health import Health
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces
from transcription_svc.voice import Voice

# A translation that has not come after this is skipped: its deadline is 2 s, and one retry may follow.
REORDER_SECONDS = 4.0

_caption_lag = meter.create_histogram(Metric.CAPTION_LAG, "s")


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A segment's text in the lane's language."""

    segment: Segment
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
    ) -> None:
        self.language = language
        self._emit = emit
        self._traces = traces
        self._health = Health(language, emit)
        self._voice = Voice(language, tier, downstream, emit, traces=traces, health=self._health)
        self._results: Inbox[Expected | Arrived[_Spoken] | Failed] = Inbox(64)

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
            await drive(Reorder[_Spoken](REORDER_SECONDS), self._results, self._in_turn)
            await self._voice.finish()

    async def expect(self, segment: Segment) -> None:
        """A translation of it will come. Called in the order of speech."""
        self._traces.hold(segment.segment_id)
        await self._results.put(Expected(segment.segment_id))

    async def translated(self, segment: Segment, text: str) -> None:
        """It came."""
        await self._results.put(Arrived(segment.segment_id, _Spoken(segment, text)))
        await self._health.works("translation")

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

    async def _in_turn(self, result: Released[_Spoken] | Skipped) -> None:
        if isinstance(result, Skipped):
            await self._voice.drop(result.key, 0.0, "TRANSLATION_FAILED")
            return
        await self._show(result.item)
        await self._voice.put(result.item.segment, result.item.text)

    async def _show(self, spoken: _Spoken) -> None:
        segment = spoken.segment
        _caption_lag.record(
            max(asyncio.get_running_loop().time() - segment.speech_end, 0.0), {Attribute.LANGUAGE.value: self.language}
        )
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
