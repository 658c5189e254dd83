"""When the local engine decodes what, and what it believes. The recogniser here reads a known text by its times."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from tests.fakes.hypotheses import check, spoken
from transcription_svc.domain.agreement import spelled
from transcription_svc.domain.dictation import (
    DOUBT,
    DOUBT_STEPS,
    LONGEST,
    RAREST,
    SHARE,
    TAIL,
    UPDATE,
    Decode,
    Dictation,
)
from transcription_svc.domain.endpoint import WINDOW, Window
from transcription_svc.domain.hypothesis import Hypothesis, Word

VOICE, QUIET = Window(0.95, -20.0), Window(0.02, -70.0)


def text(hypothesis: Hypothesis) -> str:
    return " ".join(word.text for word in hypothesis.words)


def talk(*sentences: str, start: float = 0.0, breath: float = 0.0) -> list[Word]:
    """Words of 0.4 s; after each sentence a breath."""
    words, now = [], start
    for sentence in sentences:
        for word in sentence.split():
            words.append(Word(word, now, now + 0.4, stable=False))
            now += 0.4
        now += breath
    return words


@dataclass
class Reader:
    """A recogniser that hears every whole word of `words`."""

    words: list[Word]
    decodes: list[Decode] = field(default_factory=list)
    dictation: Dictation = field(default_factory=Dictation)
    windows: int = 0
    sung_until: float = 0.0  # Voice without words.

    def run(self, seconds: float, *, step: float = 0.1) -> list[Hypothesis]:
        """Feeds up to that time in steps, then finishes."""
        found: list[Hypothesis] = []
        while self.dictation.heard < seconds:
            found += self.dictation.hear([self._window() for _ in range(round(step / WINDOW))])
            found += self._decode_all()
        found += self.dictation.finish()
        return found + self._decode_all()

    def _window(self) -> Window:
        now = (self.windows + 0.5) * WINDOW
        self.windows += 1
        heard = now < self.sung_until or any(word.start <= now < word.end for word in self.words)
        return VOICE if heard else QUIET

    def _decode_all(self) -> list[Hypothesis]:
        found: list[Hypothesis] = []
        while (decode := self.dictation.due()) is not None:
            assert len(self.decodes) < 1000, "it decodes without end"
            self.decodes.append(decode)
            heard = [word for word in self.words if decode.start - 0.1 <= word.start and word.end <= decode.end + 0.01]
            found += self.dictation.receive(decode, heard[len(decode.prefix.split()) :])
        return found


def test_speech_becomes_words_and_a_pause_closes_the_utterance() -> None:
    reader = Reader(talk("the river finds the sea."))
    hypotheses = reader.run(4.0)
    check(hypotheses)
    assert [text(h) for h in hypotheses if h.is_final] == ["the river finds the sea."]
    assert len(hypotheses) >= 4


def test_silence_is_never_decoded() -> None:
    reader = Reader([])
    assert reader.run(60.0) == []
    assert reader.decodes == []
    assert reader.dictation.needed_from > 58


def test_decodes_come_every_half_second_of_audio() -> None:
    reader = Reader(talk("one two three four five six seven eight nine ten"))
    reader.run(4.0)
    ends = [decode.end for decode in reader.decodes if not decode.thorough]
    assert all(0.5 <= after - before <= 0.65 for before, after in pairwise(ends))


def test_a_pause_costs_one_thorough_decode_which_serves_as_the_final() -> None:
    reader = Reader(talk("the river finds the sea."))
    reader.run(10.0)
    [thorough] = [decode for decode in reader.decodes if decode.thorough]
    assert thorough.end == pytest.approx(2.0 + TAIL, abs=0.05)
    assert reader.decodes[-1] is thorough


def test_the_stable_words_are_given_to_the_next_decode_as_context_or_beginning() -> None:
    words = "the river finds the sea at last and rests and so does all that lives and breathes in it"
    reader = Reader(talk(words))
    reader.run(8.0)
    given = [f"{decode.context} {decode.prefix}".strip() for decode in reader.decodes]
    assert given[0] == ""
    assert all(after.startswith(before) and words.startswith(after) for before, after in pairwise(given))
    assert given[-1].startswith("the river finds")


def test_the_audio_of_stable_words_is_left_behind_but_for_the_last() -> None:
    reader = Reader(talk(" ".join(f"w{n}" for n in range(30))))
    reader.run(13.0)
    assert all(decode.end - decode.start < 4.0 for decode in reader.decodes)
    late = [decode for decode in reader.decodes if decode.context]
    assert late
    for decode in late:
        first = next(word for word in reader.words if word.text == decode.prefix.split()[0])
        assert decode.start == pytest.approx(first.start, abs=0.1)


@pytest.mark.parametrize(("cost", "step"), [(0.0, UPDATE), (0.1, UPDATE), (0.35, 1.0), (60.0, RAREST)])
def test_dear_decodes_come_less_often(cost: float, step: float) -> None:
    machine, ends = Dictation(), []
    while machine.heard < 10.0:
        machine.hear([VOICE])
        if (decode := machine.due()) is not None:
            ends.append(decode.end)
            machine.receive(decode, [], cost)
    assert all(after - before == pytest.approx(step, abs=2 * WINDOW) for before, after in pairwise(ends[1:]))


@pytest.mark.parametrize("step", [0.1, 0.5, 2.0, 7.0, 20.0])
@pytest.mark.parametrize("breath", [0.0, 0.3, 1.0])
def test_a_long_talk_loses_and_doubles_no_word_however_the_audio_comes(step: float, breath: float) -> None:
    sentences = [f"sentence number {n} goes on, for a while, until it ends." for n in range(15)]
    words = talk(*sentences, breath=breath)
    reader = Reader(words)
    hypotheses = reader.run(words[-1].end + 2, step=step)
    check(hypotheses)
    assert spelled(spoken(hypotheses)) == spelled(" ".join(sentences))
    assert all(decode.end - decode.start <= LONGEST + TAIL + 0.01 for decode in reader.decodes)


def test_an_utterance_that_grows_long_is_closed_at_a_sentence_end() -> None:
    words = talk("a b c d e f g h i j.", "k l m n o p q r s t.", "u v w x y z", breath=0.25)
    finals = [h for h in Reader(words).run(words[-1].end + 2) if h.is_final]
    assert text(finals[0]).endswith("t.")
    assert len(finals) == 2


def test_a_full_stop_without_a_breath_does_not_close() -> None:
    words = talk("one two three Mr. four five six", "seven Dr. eight nine ten eleven Mr. twelve", "a b c d e f g h i")
    finals = [h for h in Reader(words).run(words[-1].end + 2) if h.is_final]
    assert len(finals) == 1


def test_speech_without_an_end_is_closed_and_goes_on_in_the_same_sentence() -> None:
    words = talk(" ".join(f"w{n}" for n in range(200)))
    reader = Reader(words)
    hypotheses = reader.run(words[-1].end + 2)
    check(hypotheses)
    assert spoken(hypotheses) == " ".join(word.text for word in words)
    assert any(decode.context.startswith("w") for decode in reader.decodes)


def test_noise_taken_for_speech_gives_nothing_and_goes_on() -> None:
    silent = Dictation()
    while silent.heard < 80.0:
        silent.hear([VOICE] * 3)
        while (decode := silent.due()) is not None:
            assert silent.receive(decode, []) == []
        assert silent.heard - silent.needed_from <= LONGEST + 1


@pytest.mark.parametrize("final_only", [False, True])
@pytest.mark.parametrize("count", [3, 5, 12])
def test_what_was_said_before_a_song_is_kept(count: int, *, final_only: bool) -> None:
    words = [Word(f"w{n}", n * 0.15, (n + 1) * 0.15, stable=False) for n in range(count)]
    reader = Reader(words, dictation=Dictation(final_only=final_only), sung_until=words[-1].end + 20.0)
    hypotheses = reader.run(reader.sung_until + 2.0)
    check(hypotheses)
    assert spoken(hypotheses).split()[:count] == [f"w{n}" for n in range(count)]


def test_words_that_were_shown_and_are_gone_are_taken_back() -> None:
    machine = Dictation()
    machine.hear([VOICE] * 40)
    decode = machine.due()
    assert decode is not None
    [shown] = machine.receive(decode, talk("maybe"))
    machine.hear([QUIET] * 30)
    decode = machine.due()
    assert decode is not None
    [final] = machine.receive(decode, [])
    assert (text(shown), final) == ("maybe", Hypothesis(1, (), is_final=True))


def test_after_the_end_point_nothing_shown_is_nothing_final() -> None:
    machine = Dictation()
    machine.hear([VOICE] * 20 + [QUIET] * 40)
    decode = machine.due()
    assert decode is not None
    assert decode.thorough
    assert machine.receive(decode, []) == []
    assert machine.due() is None


WHOLE = talk("to create your first project select speech")
LEFT_OUT = {
    "within a word": [Word("select", 0.0, 2.4, stable=False), WHOLE[-1]],
    "between two words": [WHOLE[0], WHOLE[-1]],
    "before the first": [WHOLE[-1]],
}


@pytest.mark.parametrize("transcript", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_transcript_that_left_something_out_is_not_believed_and_asked_for_again(transcript: list[Word]) -> None:
    machine = Dictation()
    machine.hear([VOICE] * 90)
    decode = machine.due()
    assert decode is not None
    assert machine.receive(decode, transcript) == []
    machine.hear([VOICE] * 16)
    decode = machine.due()
    assert decode is not None
    assert decode.again
    found = machine.receive(decode, WHOLE)
    assert [text(each) for each in found] == ["to create your first project select speech"]
    machine.hear([VOICE] * 16)
    decode = machine.due()
    assert decode is not None
    assert not decode.again


@pytest.mark.parametrize("quiet", [12, 40], ids=["a pause", "the end"])
@pytest.mark.parametrize("transcript", [*LEFT_OUT.values(), WHOLE[:2], []])
def test_nor_is_one_settled_in_a_pause(quiet: int, transcript: list[Word]) -> None:
    machine = Dictation()
    machine.hear([VOICE] * round(2.8 / WINDOW) + [QUIET] * quiet)
    decode = machine.due()
    assert decode is not None
    assert decode.thorough
    assert machine.receive(decode, transcript) == []
    decode = machine.due()
    assert decode is not None
    assert (decode.thorough, decode.again) == (True, True)
    [settled] = machine.receive(decode, WHOLE)
    assert all(word.stable for word in settled.words)
    assert (text(settled), settled.is_final) == ("to create your first project select speech", quiet == 40)


def test_what_is_left_out_twice_was_no_speech() -> None:
    machine = Dictation()
    machine.hear([VOICE] * 90 + [QUIET] * 40)
    for again in (False, True):
        decode = machine.due()
        assert decode is not None
        assert decode.again == again
        found = machine.receive(decode, LEFT_OUT["before the first"])
    assert [text(each) for each in found] == ["speech"]
    assert machine.due() is None


@pytest.mark.parametrize("cost", [0.0, 0.35])
def test_words_on_which_no_two_transcripts_agree_are_decided_in_the_end(cost: float) -> None:
    machine, doubts, turn = Dictation(), [], 0
    while machine.heard < 14.0:
        machine.hear([VOICE])
        if (decode := machine.due()) is not None:
            turn += 1
            begin = 0.4 * (len(f"{decode.context} {decode.prefix}".split()))
            said = [Word(f"w{turn}-{n}", 0.4 * n, 0.4 * (n + 1), stable=False) for n in range(int(decode.end / 0.4))]
            for shown in machine.receive(decode, [word for word in said if word.start >= begin - 0.01], cost):
                doubts += [decode.end - word.end for word in shown.words if not word.stable]
    assert max(doubts) <= (DOUBT if cost == 0.0 else DOUBT_STEPS * cost / SHARE)


def test_final_only_decodes_once_an_utterance() -> None:
    reader = Reader(talk("the river finds the sea."), dictation=Dictation(final_only=True))
    hypotheses = reader.run(5.0)
    assert [text(h) for h in hypotheses] == ["the river finds the sea."]
    assert len(reader.decodes) == 1


def test_in_a_pause_every_word_is_stable_before_the_end_point() -> None:
    machine = Dictation()
    machine.hear([VOICE] * 20 + [QUIET] * 10)
    decode = machine.due()
    assert decode is not None
    assert decode.thorough
    [shown] = machine.receive(decode, talk("yes."))
    assert (shown.is_final, [word.stable for word in shown.words]) == (False, [True])


def test_what_is_made_of_less_than_a_second_agrees_with_nothing() -> None:
    machine, stable = Dictation(), []
    for _ in range(5):
        machine.hear([VOICE] * 16)
        if (decode := machine.due()) is not None:
            found = machine.receive(decode, talk("why do you are"))
            stable += [(decode.end, sum(word.stable for word in each.words)) for each in found]
    assert [count for end, count in stable if end < 1.5] == [0]
    assert [count for end, count in stable if end > 2.0] == [3]


def test_three_decodes_can_be_asked_to_agree() -> None:
    said = talk("one two three four five six seven eight nine ten")
    stable = {}
    for agreeing in (2, 3):
        hypotheses = Reader(said, dictation=Dictation(agreeing=agreeing)).run(4.0)
        stable[agreeing] = [sum(word.stable for word in each.words) for each in hypotheses if not each.is_final]
    assert len(stable[2]) == len(stable[3])
    assert all(three <= two for two, three in zip(stable[2], stable[3], strict=True))
    assert sum(stable[3]) < sum(stable[2])
