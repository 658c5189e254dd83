"""Translation of one broadcast: closed segments into every wanted language at once, and drafts of the open one.

A draft whose text turns out to be the closed segment's is its translation: no second call is made, and most of the wait
is over. Any other draft under way is given up when its segment closes, so that it delays no final.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from opentelemetry.context import Context

from chassis.drive import Inbox, drive
from chassis.glossary import Glossary
from chassis.telemetry import Attribute, Metric, Span, meter, tracer
from transcription_svc.domain.draft import Ask, DraftEnded, Drafts, Event, FinalBegan, FinalEnded, WantedChanged
from transcription_svc.domain.events import Options
from transcription_svc.domain.segmenter import SegmentClosed, SegmentCorrected, SegmentGrew
from transcription_svc.downstream import Downstream, NotTranslated, Translated
from transcription_svc.lane import Lane
from transcription_svc.segment import Segment

# Segments in translation at once. More would only wait in the engine; the segmenter waits here instead.
TRANSLATING = 8
# Drafts of the open segment that are kept in case it closes with their text.
KEPT = 8

_speculations = meter.create_counter(Metric.SPECULATIONS)


class Draft:
    """One draft, and its results as they come."""

    def __init__(self, ask: Ask, glossary: Glossary, trace: Context) -> None:
        self.ask = ask
        self.glossary = glossary
        self.trace = trace
        self.call: asyncio.Task[None] | None = None
        self._results: list[Translated] = []
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, result: Translated) -> None:
        """One language's."""
        self._results.append(result)
        self._changed.set()

    def end(self) -> None:
        """No more results come."""
        self._ended = True
        self._changed.set()

    def fits(self, segment: Segment, glossary: Glossary) -> bool:
        """Whether it is this segment's translation."""
        return self.ask.text == segment.text and self.glossary == glossary

    async def results(self) -> AsyncIterator[Translated]:
        """Those there are and those that come."""
        told = 0
        while True:
            self._changed.clear()
            for result in self._results[told:]:
                told += 1
                yield result
            if told == len(self._results):
                if self._ended:
                    return
                await self._changed.wait()


class Translating:
    """Say what becomes of segments; the lanes are told what becomes of them in their languages."""

    def __init__(
        self, options: Options, downstream: Downstream, lanes: Mapping[str, Lane], *, drafts: bool = True
    ) -> None:
        self.glossary = options.glossary
        self._options = options
        self._downstream = downstream
        self._lanes = lanes
        self._places = asyncio.Semaphore(TRANSLATING)
        self._drafts = Drafts(off=options.final_only or not drafts)
        self._events: Inbox[Event] = Inbox(64)  # Full: the segmenter waits; nothing that reads it ever does.
        self._kept: list[Draft] = []
        self._trace = Context()  # Of the open segment.
        self._calls: asyncio.TaskGroup

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """On leaving, what was closed is still translated."""
        async with asyncio.TaskGroup() as self._calls:
            self._calls.create_task(drive(self._drafts, self._events, self._ask), name="drafts")
            yield
            self._give_up()
            self._events.close()

    async def retarget(self) -> None:
        """Other languages are wanted."""
        await self._events.put(WantedChanged(frozenset(self._wanted())))

    async def grew(self, event: SegmentGrew, trace: Context) -> None:
        """The open segment reads like this now."""
        self._trace = trace
        await self._events.put(event)
        if not event.text:
            self._give_up()
            for lane in self._lanes.values():
                lane.draft(event, "")

    async def closed(self, event: SegmentClosed, segment: Segment, wanted: frozenset[str]) -> None:
        """Translates it into what is `wanted`, whose lanes expect it already; waits while too many are under way."""
        draft = self._taken(segment)
        await self._events.put(event)
        drafted = wanted & draft.ask.languages if draft is not None else frozenset()
        if wanted:
            _speculations.add(1, {Attribute.OUTCOME.value: "reused" if drafted else "missed"})
        # Apart, so that a language that was not drafted waits for none that was.
        if draft is not None and drafted:
            await self._begin(segment, drafted, draft)
        if wanted - drafted:
            await self._begin(segment, wanted - drafted, None)

    async def corrected(self, correction: SegmentCorrected) -> None:
        """Translates what a closed segment should have said, for the eye."""
        if wanted := self._wanted():
            await self._places.acquire()
            self._calls.create_task(self._correct(correction, wanted), name=f"correct {correction.segment_id}")

    def _wanted(self) -> frozenset[str]:
        return frozenset(language for language, lane in self._lanes.items() if lane.wanted)

    async def _begin(self, segment: Segment, languages: frozenset[str], draft: Draft | None) -> None:
        await self._places.acquire()
        await self._events.put(FinalBegan())
        task = self._translate(segment, languages, draft)
        self._calls.create_task(task, name=f"translate {segment.segment_id}")

    async def _translate(self, segment: Segment, languages: frozenset[str], draft: Draft | None) -> None:
        attributes = {Attribute.SEGMENT.value: segment.segment_id}
        owed = set(languages)
        try:
            with tracer.start_as_current_span(Span.TRANSLATE, segment.trace.context, attributes=attributes):
                if draft is not None:
                    async for made in draft.results():
                        if made.language in owed:
                            owed.discard(made.language)
                            await self._lanes[made.language].translated(segment, made.text)
                if owed:
                    async for result in self._call(segment.text, owed):
                        await self._hand_on(segment, result)
        finally:
            self._places.release()
        await self._events.put(FinalEnded())

    async def _hand_on(self, segment: Segment, result: Translated | NotTranslated) -> None:
        lane = self._lanes[result.language]
        match result:
            case Translated(text=text):
                await lane.translated(segment, text)
            case NotTranslated(reason=reason):
                await lane.failed(segment, reason)

    async def _correct(self, correction: SegmentCorrected, languages: frozenset[str]) -> None:
        try:
            async for result in self._call(correction.text, languages):
                if isinstance(result, Translated):
                    await self._lanes[result.language].corrected(correction, result.text)
        finally:
            self._places.release()

    async def _ask(self, ask: Ask) -> None:
        draft = Draft(ask, self.glossary, self._trace)
        self._kept = [*self._kept[1 - KEPT :], draft]
        draft.call = self._calls.create_task(self._draft(draft), name=f"draft {ask.number}")

    async def _draft(self, draft: Draft) -> None:
        ask, clock = draft.ask, asyncio.get_running_loop().time
        began, attributes = clock(), {Attribute.SEGMENT.value: ask.segment.segment_id}
        try:
            with tracer.start_as_current_span(Span.DRAFT, draft.trace, attributes=attributes):
                async for result in self._call(ask.text, ask.languages, partial=True):
                    if isinstance(result, Translated):
                        draft.put(result)
                        self._lanes[result.language].draft(ask.segment, result.text)
        finally:
            draft.end()
        await self._events.put(DraftEnded(ask.number, clock() - began))

    def _taken(self, segment: Segment) -> Draft | None:
        """The draft that is this segment's translation, if there is one; the others are given up."""
        found = next((draft for draft in reversed(self._kept) if draft.fits(segment, self.glossary)), None)
        self._give_up(but=found)
        return found

    def _give_up(self, but: Draft | None = None) -> None:
        for draft in self._kept:
            if draft is not but and draft.call is not None:
                draft.call.cancel()
        self._kept = []

    def _call(
        self, text: str, languages: Iterable[str], *, partial: bool = False
    ) -> AsyncIterator[Translated | NotTranslated]:
        options = self._options
        return self._downstream.translate(
            text, options.language, sorted(languages), options.tier, self.glossary, partial=partial
        )
