"""One broadcast: from a speaker's audio to captions and cues.

audio -> dynamics, flaws of the sound, recognition -> segmenter -> source captions, open and closed segments -> one
translation call into all wanted languages -> a lane for each language (captions in order, voice, playout) -> out.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import replace
from functools import partial

import structlog

from chassis.drive import Inbox, drive, told_by
from chassis.glossary import Glossary
from chassis.telemetry import Attribute, Metric, Span, meter, span_between, wall_clock
from transcription_svc.bulletin import AttendedDownstream
from transcription_svc.domain.events import (
    AudioIn,
    GlossaryChanged,
    Input,
    LagReport,
    Options,
    Output,
    PausedChanged,
    SourceCaption,
    TargetsChanged,
    Warned,
)
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.domain.quality import SNR_DB
from transcription_svc.domain.segmenter import (
    Event,
    Revised,
    SegmentClosed,
    SegmentCorrected,
    Segmenter,
    SegmentGrew,
    Segmenting,
)
from transcription_svc.domain.timeline import Timeline
from transcription_svc.downstream import Downstream
from transcription_svc.ear import Ear
from transcription_svc.engines import Recognizer, StreamOptions
from transcription_svc.lane import Lane
from transcription_svc.recognition import Heard, Recognition
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces
from transcription_svc.translating import Translating

log = structlog.get_logger()

LAG_REPORT_SECONDS = 5.0

_corrections = meter.create_counter(Metric.CORRECTIONS)


class Broadcast:
    """One speaker's stream. `events` runs it."""

    def __init__(
        self,
        options: Options,
        recognizer: Recognizer,
        downstream: Downstream,
        *,
        snr_db: float = SNR_DB,
        drafts: bool = True,
    ) -> None:
        self._options = options
        self._downstream = AttendedDownstream(downstream, self._warn)
        self._timeline = Timeline()
        self._ear = Ear(options.language, snr_db)
        self._traces = SegmentTraces(options.session_id)
        self._lanes: dict[str, Lane] = {}
        self._translating = Translating(options, self._downstream, self._lanes, drafts=drafts)
        self._captioned = (0, "", 0)  # The open segment's source caption: id, text, stable characters.
        # Full: whoever has something to say waits, down to the recogniser and the caller's audio.
        self._out: Inbox[Output] = Inbox(256)
        self._heard: Inbox[Heard] = Inbox(20)  # 2 s of audio. Full: the caller's stream waits.
        self._hypotheses: Inbox[Hypothesis] = Inbox(8)  # Full: the engine's reader waits.
        self._segmenter = Segmenter(
            options.language,
            segmenting(options),
            first_segment_id=options.first_segment_id,
            gives_stability=recognizer.capabilities.gives_stability,
            final_only=options.final_only,
        )
        self._heed(options.glossary)
        self._recognition = Recognition(
            recognizer,
            StreamOptions(
                options.language,
                premium=options.tier == "premium",
                final_only=options.final_only,
                min_stability=options.min_stability,
            ),
            self._timeline,
            self._hypotheses.put,
            self._out.put,
        )

    async def events(self, inputs: AsyncIterable[Input]) -> AsyncGenerator[Output, None]:
        """Everything that comes of `inputs`; ends when they have ended and all of it is played out.

        Raises LingocastError (possibly in a group) when recognition is lost for good.
        """
        try:
            async with aclosing(told_by(partial(self._run, inputs), self._out)) as events:
                async for event in events:
                    yield event
        finally:
            self._traces.close()

    async def _run(self, inputs: AsyncIterable[Input]) -> None:
        async with asyncio.TaskGroup() as lanes:
            await self._retarget(frozenset(self._options.targets), lanes)
            await self._conduct(inputs, lanes)
            for lane in self._lanes.values():
                lane.finish()

    async def _conduct(self, inputs: AsyncIterable[Input], lanes: asyncio.TaskGroup) -> None:
        """Until every segment of `inputs` has been translated."""
        async with self._translating.running(), asyncio.TaskGroup() as tasks:
            reports = tasks.create_task(self._report_lag(), name="lag reports")
            segmenter = drive(self._segmenter, self._hypotheses, self._segmented)
            segmenting = tasks.create_task(segmenter, name="segmenter")
            recognizing = tasks.create_task(self._recognition.run(self._heard), name="recognition")
            async for event in inputs:
                await self._receive(event, lanes)
            self._heard.close()
            await recognizing
            self._hypotheses.close()
            await segmenting
            reports.cancel()

    async def _receive(self, event: Input, lanes: asyncio.TaskGroup) -> None:
        match event:
            case AudioIn(audio, offset):
                for change in self._ear.hear(audio, offset):
                    await self._out.put(change)
                await self._heard.put(event)
            case PausedChanged():
                await self._heard.put(event)
            case TargetsChanged(languages):
                await self._retarget(languages, lanes)
            case GlossaryChanged(glossary):
                self._heed(glossary)

    def _heed(self, glossary: Glossary) -> None:
        """These terms hold for what is translated from now on, and no cut falls into one."""
        self._translating.glossary = glossary
        self._segmenter.keep_whole(term.source for term in glossary.terms)

    async def _retarget(self, languages: frozenset[str], lanes: asyncio.TaskGroup) -> None:
        wanted = languages - {self._options.language}
        for language in sorted(wanted - self._lanes.keys()):
            lane = Lane(
                language,
                self._options.tier,
                self._downstream,
                self._out.put,
                self._traces,
                offer=self._out.put_nowait,
            )
            self._lanes[language] = lane
            lanes.create_task(lane.run(), name=f"lane {language}")
        for language, lane in self._lanes.items():
            if language in wanted:
                lane.wake()
            elif lane.wanted:
                await lane.rest()
        await self._translating.retarget()

    async def _segmented(self, event: Event) -> None:
        match event:
            case SegmentGrew():
                await self._grew(event)
            case SegmentClosed():
                await self._closed(event)
            case SegmentCorrected():
                await self._corrected(event)
            case Revised(utterance_id, words):
                log.info("committed_words_contradicted", utterance=utterance_id, words=words)

    async def _grew(self, event: SegmentGrew) -> None:
        found = self._traces.open(event.segment_id, self._received_at(event.start))
        text, stable = event.text[: event.shown_chars], event.stable_chars
        before = self._captioned if self._captioned[0] == event.segment_id else (event.segment_id, "", 0)
        self._captioned = (event.segment_id, text, stable)
        if self._captioned != before:
            await self._out.put(
                SourceCaption(event.segment_id, text, stable, False, event.start, event.end, found.parent)
            )
        await self._translating.grew(event, found.context)
        if not event.text:
            # All was taken back. The id is used again, maybe much later: that is another trace.
            self._traces.release(event.segment_id)

    async def _closed(self, event: SegmentClosed) -> None:
        now = asyncio.get_running_loop().time()
        found = self._traces.open(event.segment_id, self._received_at(event.start))
        attributes = {Attribute.ENGINE.value: self._recognition.engine}
        span_between(Span.RECOGNIZE, found.context, found.started, wall_clock(now), attributes)
        segment = Segment(
            event.segment_id,
            event.text,
            event.start,
            event.end,
            speech_end=self._timeline.arrived(event.end) or now,
            dynamics=self._ear.dynamics(event.start, event.end, len(event.text.split())),
            trace=found,
        )
        text = event.text
        await self._out.put(
            SourceCaption(event.segment_id, text, len(text), True, event.start, event.end, found.parent)
        )
        lanes = [lane for lane in self._lanes.values() if lane.wanted]
        for lane in lanes:
            await lane.expect(segment)
        self._traces.release(event.segment_id)
        await self._translating.closed(event, segment, frozenset(lane.language for lane in lanes))

    async def _corrected(self, event: SegmentCorrected) -> None:
        log.info("closed_segment_corrected", segment=event.segment_id)
        _corrections.add(1)
        text = event.text
        await self._out.put(SourceCaption(event.segment_id, text, len(text), True, event.start, event.end))
        await self._translating.corrected(event)

    async def _warn(self, warned: Warned) -> None:
        await self._out.put(warned)

    async def _report_lag(self) -> None:
        while True:
            await asyncio.sleep(LAG_REPORT_SECONDS)
            lanes = [lane for lane in self._lanes.values() if lane.wanted]
            await self._out.put(
                LagReport(
                    {lane.language: lane.lag_seconds for lane in lanes if lane.lag_seconds is not None},
                    {lane.language: lane.queued_seconds() for lane in lanes},
                )
            )

    def _received_at(self, offset: float) -> float:
        return self._timeline.received_at(offset) or wall_clock(asyncio.get_running_loop().time())


def segmenting(options: Options) -> Segmenting:
    """The segmenter's numbers, with the caller's bound on text that waits."""
    usual = Segmenting()
    if options.buffer_seconds is None:
        return usual
    hold = min(usual.hold_seconds, options.buffer_seconds)
    return replace(usual, hold_seconds=hold, buffer_seconds=options.buffer_seconds)
