"""One language's captions by themselves: finals in order, drafts between them and never late, corrections unspoken."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from transcription_svc.domain.dynamics import NEUTRAL
from transcription_svc.domain.events import Caption, Output
from transcription_svc.domain.segmenter import SegmentCorrected, SegmentGrew
from transcription_svc.downstream import Downstream, VoiceBegun
from transcription_svc.lane import Lane
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces

SAID = "uno dos tres cuatro cinco seis"


class NoVoice(Downstream):
    """Remembers what it should say, and says nothing."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def synthesize(self, text: str, language: str, **_: Any) -> AsyncIterator[VoiceBegun | bytes]:
        self.texts.append(text)
        yield VoiceBegun(1.0)


class Room:
    """A lane that runs, and what came out of it."""

    def __init__(self) -> None:
        self.voice = NoVoice()
        self.traces = SegmentTraces("s")
        self.out: list[Output] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.lane = Lane("es", "standard", self.voice, self._emit, self.traces, offer=self._offer)

    async def _emit(self, event: Output) -> None:
        if isinstance(event, Caption):
            await self.gate.wait()
        self.out.append(event)

    def _offer(self, event: Output) -> bool:
        self.out.append(event)
        return True

    @property
    def captions(self) -> list[tuple[int, str, bool]]:
        return [(each.segment_id, each.text, each.is_final) for each in self.out if isinstance(each, Caption)]

    def segment(self, number: int) -> Segment:
        return Segment(number, "One.", 0.0, 1.0, 1.0, NEUTRAL, self.traces.open(number, 0.0))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.lane.run())
            yield
            self.gate.set()
            await settle()
            running.cancel()

    def draft(self, number: int, text: str = SAID) -> None:
        self.lane.draft(SegmentGrew(number, "one", 0, 0.0, 1.0), text)


async def settle() -> None:
    """Until everything that can go on has gone on."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_draft_waits_for_the_finals_before_it_and_goes_once_its_own_segment_is_closed() -> None:
    room = Room()
    async with room.open():
        room.draft(1)
        first = room.segment(1)
        await room.lane.expect(first)
        room.draft(1, SAID + " siete")
        room.draft(2)
        await room.lane.translated(first, "Uno.")
        room.draft(2)
        await settle()
        room.draft(1, SAID + " siete")
        room.draft(2)
    assert room.captions == [(1, "uno dos", False), (1, "Uno.", True), (2, "uno dos", False)]


async def test_nothing_is_drafted_while_nobody_listens() -> None:
    room = Room()
    await room.lane.rest()
    room.draft(1)
    assert room.captions == []


async def test_a_correction_comes_after_what_it_corrects_and_is_not_spoken() -> None:
    room = Room()
    async with room.open():
        first = room.segment(1)
        await room.lane.expect(first)
        await room.lane.corrected(SegmentCorrected(1, "One two.", 0.0, 1.0), "Uno dos.")
        await room.lane.translated(first, "Uno.")
    assert room.captions == [(1, "Uno.", True), (1, "Uno dos.", True)]
    assert room.voice.texts == ["Uno."]


STEPS = st.lists(
    st.sampled_from(["close", "answer", "answer last", "fail", "draft", "late draft", "yield", "stop", "go"])
)


class Play:
    """Does steps to a lane."""

    def __init__(self) -> None:
        self.room = Room()
        self._closed = 0
        self._waiting: list[Segment] = []

    async def all(self, steps: Sequence[str]) -> list[tuple[int, str, bool]]:
        async with self.room.open():
            for index, step in enumerate(steps):
                await self._do(step, f"{SAID} {index}")
        return self.room.captions

    async def _do(self, step: str, text: str) -> None:
        lane = self.room.lane
        match step:
            case "close":
                self._closed += 1
                self._waiting.append(self.room.segment(self._closed))
                await lane.expect(self._waiting[-1])
            case "answer" | "answer last" if self._waiting:
                await lane.translated(self._waiting.pop(-1 if step == "answer last" else 0), "Uno.")
            case "fail" if self._waiting:
                await lane.failed(self._waiting.pop(0), "TRANSLATION_FAILED")
            case "draft" | "late draft":
                self.room.draft(self._closed + (step == "draft"), text)
            case "yield":
                await settle()
            case "stop" | "go":
                (self.room.gate.clear if step == "stop" else self.room.gate.set)()


@given(STEPS)
def test_whatever_comes_when_drafts_are_of_the_next_segment_after_the_finals_before_it(steps: Sequence[str]) -> None:
    final = 0
    for segment, _, is_final in asyncio.run(Play().all(steps)):
        assert segment > final, "neither after its own final, nor before an earlier one"
        final = segment if is_final else final
