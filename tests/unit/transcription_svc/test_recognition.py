"""Recognition over a session: whatever breaks, the words of the talk come once and in order (T2).

Time is virtual: the waits are as long as in life and cost nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import pcm
from chassis.breaker import BreakerTerms
from chassis.drive import Inbox, drive
from chassis.errors import Unavailable
from chassis.failover import FailoverTerms
from chassis.ranking import Ranking
from tests.fakes.hearing import MUSIC, WORD_SECONDS, Fault, HearingRecognizer, said
from tests.fakes.virtual_time import run
from transcription_svc.domain.events import AudioIn, PausedChanged, Warned
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.domain.segmenter import Event, SegmentClosed, Segmenter
from transcription_svc.domain.timeline import Timeline
from transcription_svc.engines import Recognizer, StreamOptions
from transcription_svc.recognition import OPEN_SECONDS, Heard, Recognition
from transcription_svc.recognizers import Recognizers

TERMS = FailoverTerms(BreakerTerms(failures=5, rest=30.0), lasting_rest=300.0)
CHUNK = pcm.byte_count(0.1)


@dataclass
class Outcome:
    """What came of a broadcast."""

    segments: list[SegmentClosed] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    at: dict[str, float] = field(default_factory=dict)  # When each warning came first, from the start.
    took: float = 0.0

    @property
    def words(self) -> list[str]:
        return [word.casefold().strip(".") for segment in self.segments for word in segment.text.split()]


@dataclass
class Talk:
    """What is said, and what happens beside it."""

    words: Sequence[int | None]
    silent_after: float = 0.0  # No audio at all for so long, before the talk's second half.
    paused: bool = False  # Whether that is told.


async def broadcast(talk: Talk, *engines: HearingRecognizer, final_only: bool = False) -> Outcome:
    """At the speed of speech, through recogniser and segmenter."""
    clock = asyncio.get_running_loop().time
    began, outcome = clock(), Outcome()
    ranking: Ranking[Recognizer] = Ranking("recognition", {each.name: each for each in engines}, TERMS, clock)
    heard: Inbox[Heard] = Inbox(20)
    hypotheses: Inbox[Hypothesis] = Inbox(8)

    async def warn(warned: Warned) -> None:
        outcome.warned.append(warned.reason)
        outcome.at.setdefault(warned.reason, clock() - began)

    async def perform(event: Event) -> None:
        if isinstance(event, SegmentClosed):
            outcome.segments.append(event)

    recognition = Recognition(
        Recognizers(ranking), StreamOptions("en", final_only=final_only), Timeline(), hypotheses.put, warn
    )

    async def recognize() -> None:
        await recognition.run(heard)
        hypotheses.close()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(drive(Segmenter("en", final_only=final_only), hypotheses, perform))
        tasks.create_task(recognize())
        audio = said(talk.words)
        half = len(talk.words) // 2 * pcm.byte_count(WORD_SECONDS)
        offset = 0.0
        for start in range(0, len(audio), CHUNK):
            if talk.silent_after and start <= half < start + CHUNK:
                if talk.paused:
                    await heard.put(PausedChanged(True))
                await asyncio.sleep(talk.silent_after)
                offset += talk.silent_after
            chunk = audio[start : start + CHUNK]
            await heard.put(AudioIn(chunk, offset, 1.0))
            offset += pcm.seconds(chunk)
            await asyncio.sleep(pcm.seconds(chunk))
        heard.close()
    outcome.took = clock() - began
    return outcome


def hear(talk: Talk, *engines: HearingRecognizer, final_only: bool = False) -> Outcome:
    return run(broadcast(talk, *engines, final_only=final_only))


def texts(words: Sequence[int | None]) -> list[str]:
    return [f"w{word}" for word in words if word is not None]


TWENTY = Talk(list(range(20)))


def test_a_talk_is_heard_by_one_stream_when_nothing_breaks() -> None:
    engine = HearingRecognizer()
    outcome = hear(TWENTY, engine)
    assert (outcome.words, outcome.warned, len(engine.opened)) == (texts(range(20)), [], 1)


@pytest.mark.parametrize("kind", ["send", "tell", "ends", "finish", "tell_late"])
def test_a_lost_stream_is_replaced_without_a_word_lost_or_told_twice(kind: str) -> None:
    engine = HearingRecognizer(faults=[Fault(kind, 3.0)])
    outcome = hear(TWENTY, engine)
    assert outcome.words == texts(range(20))
    assert outcome.warned == ["RECOGNITION_INTERRUPTED", "RECOGNITION_RECOVERED"]
    assert len(engine.opened) == 2


@pytest.mark.parametrize("fault", [Fault("blocks", 3.0), Fault("deaf", 3.0)])
def test_an_engine_that_has_gone_silent_is_a_lost_stream_too(fault: Fault) -> None:
    talk = Talk(range(120))
    outcome = hear(talk, HearingRecognizer(faults=[fault]))
    assert outcome.words == texts(range(120))
    assert outcome.warned == ["RECOGNITION_INTERRUPTED", "RECOGNITION_RECOVERED"]


def test_times_of_words_heard_again_are_those_of_the_session() -> None:
    outcome = hear(TWENTY, HearingRecognizer(faults=[Fault("send", 3.05), Fault("tell", 4.0)]))
    placed = [(segment.start, segment.end) for segment in outcome.segments]
    whole = hear(TWENTY, HearingRecognizer()).segments
    assert placed[0][0] == pytest.approx(whole[0].start, abs=0.01)
    assert placed[-1][1] == pytest.approx(6.0, abs=0.01)
    assert all(before[1] <= after[0] + 0.01 for before, after in pairwise(placed))


def test_three_tries_within_five_seconds_and_then_the_error_goes_up() -> None:
    engine = HearingRecognizer(faults=[Fault("open_hangs")] * 4)
    with pytest.raises(BaseExceptionGroup) as caught:
        hear(Talk(range(200)), engine)
    assert caught.group_contains(Unavailable)
    assert len(engine.opened) == 4
    engine = HearingRecognizer(faults=[Fault("send", 3.0), *[Fault("open_hangs")] * 3])
    outcome = hear(Talk(range(60)), engine, HearingRecognizer("second"))
    assert outcome.words == texts(range(60))
    assert outcome.at["ENGINE_CHANGED"] - outcome.at["RECOGNITION_INTERRUPTED"] < 5.5


def test_the_next_engine_takes_over_where_the_first_fails_for_good() -> None:
    first = HearingRecognizer("first", faults=[Fault("send", 3.0), *[Fault("open")] * 9])
    outcome = hear(TWENTY, first, HearingRecognizer("second", shift=0.08, cut_every=3, upper=True))
    assert outcome.words == texts(range(20))
    assert outcome.warned == ["RECOGNITION_INTERRUPTED", "RECOGNITION_RECOVERED", "ENGINE_CHANGED"]
    assert len(first.opened) == 4


def test_an_engine_that_only_a_person_can_mend_is_not_tried_again() -> None:
    first = HearingRecognizer("first", faults=[Fault("setup")] * 9)
    outcome = hear(TWENTY, first, HearingRecognizer("second"))
    assert outcome.words == texts(range(20))
    assert outcome.warned == ["RECOGNITION_INTERRUPTED", "RECOGNITION_RECOVERED", "ENGINE_CHANGED"]
    assert outcome.at["ENGINE_CHANGED"] < 2.0
    assert len(first.opened) == 1


def test_a_recovered_engine_takes_over_again_between_two_utterances() -> None:
    words = [word if word % 10 else None for word in range(1, 300)]
    words = [each for word in words for each in ([None, None] if word is None else [word])]
    first = HearingRecognizer("first", faults=[Fault("tell", 3.0), *[Fault("open")] * 3])
    second = HearingRecognizer("second", marks=True)
    outcome = hear(Talk(words), first, second)
    assert outcome.words == texts(words)
    assert outcome.warned == [
        "RECOGNITION_INTERRUPTED",
        "RECOGNITION_RECOVERED",
        "ENGINE_CHANGED",
        "ENGINE_RECOVERED",
    ]
    assert outcome.at["ENGINE_RECOVERED"] - outcome.at["ENGINE_CHANGED"] > 25.0
    assert len(second.opened) == 1


def test_a_trial_that_fails_leaves_the_second_engine_at_work() -> None:
    words = [each for word in range(1, 300) for each in ([word] if word % 10 else [None, None])]
    first = HearingRecognizer("first", faults=[Fault("tell", 3.0), *[Fault("open")] * 4])
    outcome = hear(Talk(words), first, HearingRecognizer("second", marks=True))
    assert outcome.words == texts(words)
    assert outcome.warned == [
        "RECOGNITION_INTERRUPTED",
        "RECOGNITION_RECOVERED",
        "ENGINE_CHANGED",
        "ENGINE_RECOVERED",
    ]


def test_a_stream_that_breaks_while_it_gives_way_does_not_cost_the_recovered_engine_its_trial() -> None:
    words = [each for word in range(1, 300) for each in ([word] if word % 10 else [None, None])]
    first = HearingRecognizer("first", faults=[Fault("tell", 3.0), *[Fault("open")] * 3])
    second = HearingRecognizer("second", faults=[Fault("close")], marks=True)
    outcome = hear(Talk(words), first, second)
    assert outcome.words == texts(words)
    assert "ENGINE_RECOVERED" in outcome.warned


def test_while_engines_are_tried_the_speaker_s_audio_waits_here() -> None:
    first = HearingRecognizer("first", faults=[Fault("open_hangs")] * 4)
    outcome = hear(Talk(range(60)), first, HearingRecognizer("second"))
    assert outcome.words == texts(range(60))
    # But for what the first try keeps waiting, which whoever sends it can hold.
    assert outcome.took < 60 * WORD_SECONDS + OPEN_SECONDS - 2.0


def test_a_language_that_only_the_second_engine_knows_goes_to_it() -> None:
    first = HearingRecognizer("first", languages=frozenset({"pt"}))
    outcome = hear(TWENTY, first, HearingRecognizer("second"))
    assert (outcome.words, outcome.warned, first.opened) == (texts(range(20)), [], [])


def test_in_a_long_pause_an_engine_hears_as_much_as_it_needs_and_for_a_minute_only() -> None:
    engine = HearingRecognizer(silence_seconds=15.0)
    outcome = hear(Talk(range(20), silent_after=55.0), engine)
    assert (outcome.words, outcome.warned, len(engine.opened)) == (texts(range(20)), [], 1)
    assert engine.opened[0].longest_rest < 15.0
    engine = HearingRecognizer(silence_seconds=15.0)
    outcome = hear(Talk(range(20), silent_after=300.0), engine)
    assert (outcome.words, outcome.warned, len(engine.opened)) == (texts(range(20)), [], 2)
    assert engine.opened[0].given < 10.0


@pytest.mark.parametrize("pauses", [True, False])
def test_a_stream_is_replaced_before_it_is_too_old(pauses: bool) -> None:
    words = [each for word in range(1, 150) for each in ([word] if word % 10 or not pauses else [None, None])]
    engine = HearingRecognizer(stream_seconds=20.0, cut_every=0 if pauses else 14)
    outcome = hear(Talk(words), engine)
    assert outcome.words == texts(words)
    assert outcome.warned == []
    assert len(engine.opened) > 2


def test_music_through_which_a_stream_grew_old_is_not_lost_speech() -> None:
    engine = HearingRecognizer(stream_seconds=70.0)
    outcome = hear(Talk([*range(10), None, None, *[MUSIC] * 230, None, None, *range(10, 20)]), engine)
    assert (outcome.words, outcome.warned, len(engine.opened)) == (texts(range(20)), [], 2)


def test_a_pause_that_is_told_ends_the_utterance_at_once() -> None:
    outcome = hear(Talk(range(20), silent_after=10.0, paused=True), HearingRecognizer())
    assert outcome.words == texts(range(20))
    assert [(round(segment.start), round(segment.end)) for segment in outcome.segments] == [(0, 3), (13, 16)]


KINDS = ("open", "open_hangs", "busy", "send", "tell", "ends", "finish", "tell_late", "deaf", "blocks")


def engines(*kinds: str) -> st.SearchStrategy[HearingRecognizer]:
    faults = st.builds(Fault, st.sampled_from(kinds), st.floats(0.0, 6.0))
    return st.builds(
        HearingRecognizer,
        faults=st.lists(st.one_of(st.none(), faults), max_size=3),
        shift=st.floats(-0.08, 0.08),
        cut_every=st.integers(1, 7),
        unstable=st.integers(0, 3),
        delay=st.floats(0.0, 1.5),
        upper=st.booleans(),
        marks=st.booleans(),
        stream_seconds=st.sampled_from([float("inf"), 8.0]),
    )


@settings(max_examples=60)
@given(
    words=st.lists(st.booleans(), min_size=1, max_size=40),
    first=engines("setup", *KINDS),
    second=engines(*KINDS),
    silent_after=st.sampled_from([0.0, 0.3, 2.0, 70.0]),
    final_only=st.booleans(),
)
def test_wherever_streams_break_and_however_they_cut_each_word_comes_once_and_in_order(
    words: list[bool], first: HearingRecognizer, second: HearingRecognizer, silent_after: float, *, final_only: bool
) -> None:
    first.name, second.name = "first", "second"
    first.opened, second.opened = [], []
    talk = [place if is_word else None for place, is_word in enumerate(words)]
    outcome = hear(Talk(talk, silent_after), first, second, final_only=final_only)
    assert outcome.words == texts(talk)
