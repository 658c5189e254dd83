"""What the recognition port promises of the hypotheses of any stream, as one check."""

from collections.abc import Sequence

from transcription_svc.domain.hypothesis import Hypothesis, Word


def check(hypotheses: Sequence[Hypothesis]) -> None:
    """Utterances counted from 1, each closed, apart in time; times never go back; stable words stay, a prefix."""
    final_end, number = 0.0, 1
    stable: tuple[Word, ...] = ()
    for hypothesis in hypotheses:
        assert hypothesis.utterance_id == number
        times = [time for word in hypothesis.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert not times or times[0] >= final_end
        assert hypothesis.words[: len(stable)] == stable
        stable = tuple(word for word in hypothesis.words if word.stable)
        assert hypothesis.words[: len(stable)] == stable
        assert all(word.text and " " not in word.text for word in hypothesis.words)
        if hypothesis.is_final:
            assert stable == hypothesis.words
            final_end, number, stable = times[-1] if times else final_end, number + 1, ()
    assert not hypotheses or hypotheses[-1].is_final


def spoken(hypotheses: Sequence[Hypothesis]) -> str:
    """The finals' words."""
    return " ".join(word.text for hypothesis in hypotheses if hypothesis.is_final for word in hypothesis.words)
