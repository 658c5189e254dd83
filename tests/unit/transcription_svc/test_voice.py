"""A language's voice with what it calls, through whole talks in virtual time: as the machine has it, nothing lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from random import Random
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Unavailable
from tests.fakes.virtual_time import run
from tests.sim.system import Engines, Language, simulate
from tests.sim.talk import Said, Speaker, talk
from transcription_svc.domain.dynamics import NEUTRAL
from transcription_svc.domain.events import CuesDropped, LanguageStatus, Output
from transcription_svc.domain.playout import EndCue, PlayAudio, StartCue
from transcription_svc.downstream import Downstream, VoiceBegun
from transcription_svc.health import Health
from transcription_svc.segment import Segment
from transcription_svc.tracing import SegmentTraces
from transcription_svc.voice import Voice

BYTES_A_SECOND = 32_000
CAPTION = 1.2
HOURS = 1e5


class Engine(Downstream):
    """Speaks 60 ms a character at tempo 1. `first`: seconds to the first audio, by the number of the call;
    `real_time`: making time for a second of voice.
    """

    def __init__(self, first: Callable[[int], float] = lambda _: 0.6, real_time: float = 0.5) -> None:
        self.first = first
        self.real_time = real_time
        self.asked: list[int] = []
        self.stopped = 0
        self.failing: set[int] = set()

    async def synthesize(
        self, text: str, language: str, *, tempo: float, segment_id: int, **_: Any
    ) -> AsyncIterator[VoiceBegun | bytes]:
        self.asked.append(segment_id)
        try:
            await asyncio.sleep(self.first(len(self.asked)))
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        if segment_id in self.failing:
            raise Unavailable("SYNTHESIS_FAILED", "on request")
        yield VoiceBegun(tempo)
        for _number in range(round(len(text) * 0.06 / tempo / 0.1)):
            yield b"\x00\x10" * (BYTES_A_SECOND // 20)
            await asyncio.sleep(0.1 * self.real_time)


def spoken(engine: Engine, said: list[Said]) -> tuple[list[Output], set[int]]:
    """All that comes of a talk, and the segments whose traces were left open."""
    out: list[Output] = []
    traces = SegmentTraces("s")

    async def emit(event: Output) -> None:
        out.append(event)

    async def work() -> None:
        voice = Voice("es", "standard", engine, emit, traces=traces, health=Health("es", emit))
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(voice.run())
            for each in said:
                await asyncio.sleep(max(began + each.end + CAPTION - loop.time(), 0.0))
                trace = traces.open(each.segment_id, 0.0)
                segment = Segment(each.segment_id, "", each.start, each.end, began + each.end, NEUTRAL, trace)
                await voice.put(segment, "x" * each.characters)
            await voice.finish()
            await running
        assert not voice._attempts

    run(work())
    return out, set(traces._open)


def told(out: list[Output], kind: type) -> list[Any]:
    return [event for event in out if isinstance(event, kind)]


def test_ten_minutes_are_spoken_as_the_simulator_says() -> None:
    """The simulator leaves out queues, tasks and silences: it may, as long as it comes to the same."""
    said = talk(Speaker(150), 10.0, seed=3)
    out, open_traces = spoken(Engine(), said)
    assert not open_traces
    lags = [start.lag_seconds for start in told(out, StartCue)]
    same = Language(expansion=1.0, seconds_per_character=0.06, spread=0.0, pauses=0.0, follows=False)
    engines = Engines(caption=CAPTION, first=0.6, real_time=0.5, jitter=0.0)
    simulated = [heard.lag for heard in simulate(said, engines, same).heard]
    assert len(lags) == len(simulated) == len(said)
    assert median(lags) == pytest.approx(median(simulated), abs=0.1)
    assert max(lags) == pytest.approx(max(simulated), abs=0.2)


def test_every_byte_that_was_made_is_played_and_every_cue_is_whole() -> None:
    said = talk(Speaker(150), 5.0, seed=4)
    out, _ = spoken(Engine(), said)
    playing: list[str] = []
    for event in out:
        match event:
            case StartCue(cue):
                assert not playing
                playing.append(cue.cue_id)
            case PlayAudio(cue):
                assert playing == [cue.cue_id]
            case EndCue(cue):
                assert playing.pop() == cue.cue_id
    seconds = sum(len(event.audio) for event in told(out, PlayAudio)) / BYTES_A_SECOND
    assert seconds == pytest.approx(sum(event.seconds for event in told(out, EndCue)))
    assert [event.cue.segment_id for event in told(out, EndCue)] == [each.segment_id for each in said]


def test_a_voice_slower_than_the_speaker_drops_whole_segments_and_says_which() -> None:
    said = talk(Speaker(220, mean=80), 5.0, seed=5)
    out, open_traces = spoken(Engine(), said)
    heard = [event.cue.segment_id for event in told(out, EndCue)]
    gone = [number for event in told(out, CuesDropped) for number in event.segment_ids]
    assert {event.reason for event in told(out, CuesDropped)} == {"LAG_LIMIT"}
    assert sorted(heard + gone) == [each.segment_id for each in said]
    assert max(start.lag_seconds for start in told(out, StartCue)) < 13.0
    assert not open_traces
    assert told(out, LanguageStatus) == []


def test_a_call_that_hangs_is_asked_again_and_stopped_when_the_other_answers() -> None:
    engine = Engine(first=lambda call: 60.0 if call % 10 == 0 else 0.3)
    said = talk(Speaker(150), 5.0, seed=6)
    out, open_traces = spoken(engine, said)
    assert [event.cue.segment_id for event in told(out, EndCue)] == [each.segment_id for each in said]
    assert engine.stopped == len(engine.asked) - len(said) > 3
    assert not open_traces


def test_an_answer_at_the_very_moment_at_which_it_is_asked_for_again_leaves_nothing_behind() -> None:
    """The second attempt is stopped before it ran at all."""
    out, open_traces = spoken(Engine(first=lambda _: 3.0), [Said(1, 0.0, 2.0, 40)])
    assert [event.cue.segment_id for event in told(out, EndCue)] == [1]
    assert not open_traces


def test_what_fails_now_and_then_is_dropped_and_told_and_the_language_stays() -> None:
    said = talk(Speaker(150), 5.0, seed=7)
    engine = Engine()
    engine.failing = {each.segment_id for each in said[5::7]}
    out, open_traces = spoken(engine, said)
    gone = [number for event in told(out, CuesDropped) for number in event.segment_ids]
    assert set(gone) == engine.failing
    assert told(out, LanguageStatus) == []
    assert not open_traces


class Unreliable(Downstream):
    """Answers at once, late, never, with nothing, or half; what it makes is now and then silent."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.under_way = 0

    async def synthesize(
        self, text: str, language: str, *, tempo: float, **_: Any
    ) -> AsyncIterator[VoiceBegun | bytes]:
        self.under_way += 1
        try:
            await asyncio.sleep(self.chance.choice([0.0, 0.2, 0.5, 1.0, 2.9, 3.0, HOURS]))
            self._break(0.08)
            yield VoiceBegun(tempo)
            for _number in range(self.chance.choice([0, *[round(len(text) * 0.6 / tempo)] * 20])):
                yield self.chance.choice([b"\x00\x10"] * 9 + [b"\x00\x00"]) * (BYTES_A_SECOND // 20)
                self._break(0.003)
                await asyncio.sleep(HOURS if self.chance.random() < 0.002 else self.chance.choice([0.0, 0.02, 0.15]))
        finally:
            self.under_way -= 1

    def _break(self, share: float) -> None:
        if self.chance.random() < share:
            raise Unavailable("SYNTHESIS_FAILED", "by chance")


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_whatever_hangs_breaks_off_stalls_or_is_unwanted_a_cue_is_heard_or_told_once_and_nothing_stays(
    seed: int,
) -> None:
    chance, out, traces, wanted = Random(seed), list[Output](), SegmentTraces("s"), set[int]()
    engine = Unreliable(chance)

    async def emit(event: Output) -> None:
        if chance.random() < 0.02:
            await asyncio.sleep(chance.choice([0.01, 0.5, 4.0]))
        out.append(event)

    async def work() -> None:
        voice = Voice("es", "standard", engine, emit, traces=traces, health=Health("es", emit))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(voice.run())
            now = asyncio.get_running_loop().time
            began = now()
            for each in talk(Speaker(chance.uniform(100, 220)), 4.0, seed):
                await asyncio.sleep(max(began + each.end + CAPTION - now(), 0.0))
                if voice.wanted and chance.random() < 0.05:
                    await voice.rest()
                if not voice.wanted and chance.random() < 0.3:
                    voice.wanted = True
                if voice.wanted:
                    wanted.add(each.segment_id)
                trace = traces.open(each.segment_id, 0.0)
                segment = Segment(each.segment_id, "", each.start, each.end, began + each.end, NEUTRAL, trace)
                await voice.put(segment, "x" * each.characters)
                assert len(voice._texts) < 20
            await voice.finish()
            await running
        assert not voice._attempts
        assert not voice._texts

    run(work())
    heard = [event.cue.segment_id for event in told(out, EndCue)]
    gone = [number for event in told(out, CuesDropped) for number in event.segment_ids]
    assert [event.cue.segment_id for event in told(out, StartCue)] == heard == sorted(heard)
    assert len({*heard, *gone}) == len(heard) + len(gone)
    assert wanted >= {*heard, *gone}
    assert not traces._open
    assert not engine.under_way
