"""What a new stream hears again: nothing committed is told twice, and nothing is left out."""

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.seam import Seam, key
from transcription_svc.domain.segmenter import Event, SegmentClosed, Segmenter


def words(text: str, start: float = 0.0, each: float = 0.4, stable: int | None = None) -> tuple[Word, ...]:
    """One after the other, without gaps; the first `stable` of them stable, or all."""
    texts = text.split()
    return tuple(
        Word(word, start + each * index, start + each * (index + 1), stable is None or index < stable)
        for index, word in enumerate(texts)
    )


def texts(found: tuple[Word, ...]) -> str:
    return " ".join(word.text for word in found)


def beyond(said: str, heard: str, *, start: float = 0.0) -> str:
    """`said` ends at its own length; `heard` begins at `start`."""
    return texts(Seam(words(said)).beyond(words(heard, start), is_final=False))


def test_without_anything_said_all_is_new() -> None:
    assert beyond("", "God is good.") == "God is good."


def test_what_was_said_is_known_again() -> None:
    assert beyond("God is", "God is good.") == "good."
    assert beyond("In the beginning God", "the beginning God created", start=0.4) == "created"
    assert beyond("God is good.", "God is good.") == ""


def test_case_and_punctuation_make_no_new_words() -> None:
    assert beyond("God is good", "god is Good, always.") == "always."


def test_a_hearing_that_places_words_elsewhere_is_known_by_its_words() -> None:
    assert beyond("God is good and", "is good and great", start=0.1) == "great"
    assert beyond("God is good and", "is good and great", start=0.7) == "great"


def test_a_word_that_is_written_in_another_way_is_known_by_its_time() -> None:
    assert beyond("there are two", "there are 2 of them", start=0.0) == "of them"


def test_a_repeated_word_is_dropped_as_often_as_it_was_said() -> None:
    assert beyond("no no", "no no no I say", start=0.0) == "no I say"
    assert beyond("and no", "and no no I say", start=0.02) == "no I say"


def test_the_same_word_said_soon_after_is_new_once_the_seam_is_passed() -> None:
    seam = Seam(words("thank you."))
    assert seam.beyond(words("thank you."), is_final=True) == ()
    assert texts(seam.beyond(words("You are here.", start=0.9), is_final=False)) == "You are here."


def test_a_final_that_ends_before_the_seam_falls_short() -> None:
    seam = Seam(words("In the beginning God created"))
    assert seam.beyond(words("In the beginning"), is_final=True) == ()
    assert seam.falls_short(words("In the beginning"))
    assert texts(seam.beyond(words("God created the heaven", start=1.2), is_final=True)) == "the heaven"
    assert not seam.falls_short(words("God created the heaven", start=1.2))


def closed(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, SegmentClosed)]


def test_a_sentence_that_a_loss_interrupted_is_cut_where_it_would_have_been() -> None:
    segmenter = Segmenter("en")
    events = segmenter.receive(Hypothesis(1, words("In the beginning God creat", stable=4), is_final=False), 0.0)
    # The new stream hears it from the start, cut into two utterances where the speaker took breath.
    events += segmenter.receive(Hypothesis(1, words("In the"), is_final=False, stream=1), 1.0)
    events += segmenter.receive(Hypothesis(1, words("In the beginning"), is_final=True, stream=1), 1.1)
    assert closed(events) == []
    events += segmenter.receive(
        Hypothesis(2, words("God created the heaven and the earth.", start=1.2), is_final=True, stream=1), 1.2
    )
    assert closed(events) == ["In the beginning God created the heaven and the earth."]


def test_a_segment_that_was_closed_before_the_loss_is_not_said_again() -> None:
    segmenter = Segmenter("en")
    events = segmenter.receive(Hypothesis(1, words("God is good. He is great.", stable=4), is_final=False), 0.0)
    assert closed(events) == ["God is good."]
    events += segmenter.receive(Hypothesis(1, words("God is good. He is great."), is_final=True, stream=1), 2.0)
    assert closed(events) == ["God is good.", "He is great."]


def test_words_that_waited_for_their_turn_are_not_lost_to_a_new_stream() -> None:
    segmenter = Segmenter("en")
    events = segmenter.receive(Hypothesis(1, words("God is good.", stable=3), is_final=False), 0.0)
    events += segmenter.receive(Hypothesis(2, words("He is great.", start=1.2), is_final=False), 0.1)
    # The replay begins where the first was not final; its utterance has the number of the last that was open.
    heard = words("God is good. He is great.")
    events += segmenter.receive(Hypothesis(2, heard, is_final=True, stream=1), 0.5)
    events += segmenter.tick(5.0)
    events += segmenter.finish(6.0)
    assert closed(events) == ["God is good.", "He is great."]


@dataclass
class Hearing:
    """What one engine makes of the talk: its times, its spelling, and where it cuts and tells."""

    shift: float
    upper: bool
    cuts: set[int]
    partials: set[int]


VOCABULARY = ("no", "yes", "and", "river", "mountains", "a")
HEARINGS = st.builds(
    Hearing,
    st.floats(-0.09, 0.09),
    st.booleans(),
    st.sets(st.integers(1, 30), max_size=6),
    st.sets(st.integers(1, 30), max_size=12),
)


@given(
    talk=st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=30),
    hearings=st.lists(HEARINGS, min_size=1, max_size=4),
    breaks=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=3),
    unstable=st.integers(0, 3),
    gap=st.floats(0.0, 3.0),
)
@example(
    talk=["no", "no"],
    hearings=[Hearing(0.0, False, set(), {1, 2}), Hearing(0.09, True, {1}, set())],
    breaks=[(1, 1)],
    unstable=0,
    gap=0.0,
)
def test_however_streams_break_and_cut_every_word_comes_once_and_in_order(
    talk: list[str], hearings: list[Hearing], breaks: list[tuple[int, int]], unstable: int, gap: float
) -> None:
    """Each stream hears from the last final (and up to 3 words before) on, until it breaks; the last one to the end."""
    segmenter, events, now = Segmenter("en"), list[Event](), 0.0
    number, final_until, open_number = 0, 0, False
    ends = [max(end, 1) for end, _ in breaks]
    for index, end in enumerate([*(min(end, len(talk)) for end in ends), len(talk)]):
        hearing = hearings[index % len(hearings)]
        start = max(final_until - (breaks[index - 1][1] if index else 0), 0)
        number += 0 if open_number else 1
        open_number, is_last = False, index == len(ends)
        for count in range(start + 1, end + 1):
            said = tuple(
                Word(
                    talk[place].upper() if hearing.upper else talk[place],
                    max(0.4 * place + hearing.shift, 0.0),
                    0.4 * (place + 1) + hearing.shift,
                    stable=place < count - unstable,
                )
                for place in range(start, count)
            )
            is_final = count in hearing.cuts or (is_last and count == end)
            if not (is_final or count in hearing.partials):
                continue
            now += 0.25 + gap / len(talk)
            told = tuple(Word(word.text, word.start, word.end, True) for word in said) if is_final else said
            events += segmenter.tick(now)
            events += segmenter.receive(Hypothesis(number, told, is_final, stream=index), now)
            open_number = not is_final
            if is_final:
                start, final_until = count, max(final_until, count)
                number += 1 if count < end else 0
    events += segmenter.finish(now + 10.0)
    assert [key(word) for text in closed(events) for word in text.split()] == talk
