"""The scripted recogniser's machine."""

from itertools import islice

from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.domain.script import SENTENCES, Script, script


def heard(machine: Script, seconds: float, *, audible: bool = True) -> list[Hypothesis]:
    return [hypothesis for _ in range(round(seconds / 0.02)) for hypothesis in machine.hear(0.02, audible=audible)]


def test_sound_becomes_one_word_every_four_tenths_of_a_second() -> None:
    hypotheses = heard(Script(), 1.2)
    assert [[word.text for word in h.words] for h in hypotheses] == [
        ["Welcome"],
        ["Welcome", "to"],
        ["Welcome", "to", "talk"],
    ]
    assert [(round(word.start, 6), round(word.end, 6)) for word in hypotheses[-1].words] == [
        (0, 0.4),
        (0.4, 0.8),
        (0.8, 1.2),
    ]


def test_a_word_is_stable_once_the_next_has_come() -> None:
    assert [word.stable for word in heard(Script(), 1.2)[-1].words] == [True, True, False]


def test_half_a_second_of_silence_closes_the_utterance() -> None:
    machine = Script()
    heard(machine, 0.8)
    assert heard(machine, 0.48, audible=False) == []
    [final] = heard(machine, 0.02, audible=False)
    assert final.is_final
    assert all(word.stable for word in final.words)
    assert heard(machine, 5.0, audible=False) == []


def test_the_script_goes_on_over_utterances() -> None:
    machine = Script()
    heard(machine, 0.4)
    heard(machine, 1.0, audible=False)
    [following] = heard(machine, 0.4)
    assert (following.utterance_id, following.words[0].text) == (2, "to")
    assert following.words[0].start > 1.3


def test_no_two_rounds_of_the_script_are_alike() -> None:
    words = sum(len(sentence.split()) for sentence in SENTENCES)
    text = list(islice(script(), 3 * words))
    rounds = {tuple(text[turn * words : (turn + 1) * words]) for turn in range(3)}
    assert len(rounds) == 3


def test_an_hour_without_a_pause_comes_in_utterances_of_bounded_length() -> None:
    assert max(len(hypothesis.words) for hypothesis in heard(Script(), 3600)) < 40


def test_final_only_gives_finals_only() -> None:
    machine = Script(final_only=True)
    assert heard(machine, 2.0) == []
    [final] = machine.finish()
    assert (len(final.words), final.is_final) == (5, True)
