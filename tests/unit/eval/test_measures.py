"""Each measure against an example computed by hand."""

import pytest

from tests.eval.measures import (
    aligned,
    by_piece,
    caption_lags,
    drift,
    erased,
    first_shown,
    laal,
    load_of,
    normalised_erasure,
    segment_ends,
    settled,
    silence_share,
    stream_laal,
    tempo_histogram,
    timed,
    voice_lags,
    word_lags,
    word_voice_lags,
)
from tests.eval.records import Track, Usage
from tests.unit.eval.broadcasts import performance, shown, two_segments, voiced, words


def test_growing_text_erases_nothing() -> None:
    assert erased(["the", "river"], ["the", "river", "finds"]) == 0


def test_a_changed_word_erases_itself_and_all_after_it() -> None:
    assert erased(["the", "rover", "finds"], ["the", "river", "finds"]) == 2


def test_a_text_that_was_taken_back_is_erased_whole() -> None:
    assert erased(["the", "river"], []) == 2


def test_erasure_is_counted_by_segment_and_divided_by_the_final_words() -> None:
    captions = [
        shown(1, "the rover", 1.0),
        shown(2, "a", 1.1),  # Another line: it is not erased by what happens above it.
        shown(1, "the river finds", 1.2),  # One word.
        shown(1, "the river.", 1.5, final=True),  # Two: "river" is not "river.".
        shown(2, "a sea", 2.0, final=True),
    ]
    assert normalised_erasure(captions) == pytest.approx(3 / 4)


def test_erasure_of_nothing_is_not_known() -> None:
    assert normalised_erasure([shown(1, "the", 1.0)]) is None


def test_a_word_counts_as_settled_from_when_it_stays() -> None:
    history = [
        shown(1, "a b", 1.0),
        shown(1, "a c", 2.0),  # "b" goes ...
        shown(1, "a b c", 3.0),  # ... and comes back.
        shown(1, "A b, c d", 4.0, final=True),  # Case and punctuation change no word.
    ]
    assert settled(history) == [(history[-1], [1.0, 3.0, 3.0, 4.0])]


def test_a_word_counts_as_shown_from_its_first_time_in_its_place() -> None:
    history = [shown(1, "a b", 1.0), shown(1, "a c", 2.0), shown(1, "a b c", 3.0, final=True)]
    assert first_shown(history) == [(history[-1], [1.0, 1.0, 3.0])]


def test_a_correction_of_a_final_caption_changes_no_lag() -> None:
    history = [shown(1, "a", 1.0, final=True), shown(1, "b", 2.0, final=True)]
    assert caption_lags(Track("es", history), {1: 0.25}) == [0.75]
    assert settled(history) == [(history[0], [1.0])]


def test_words_are_aligned_around_what_was_missed_and_what_was_added() -> None:
    assert aligned(["a", "b", "c", "d"], ["a", "x", "c", "c", "d"])[0] == (0, 0)
    assert aligned(["a", "b", "c"], ["a", "c"]) == [(0, 0), (2, 1)]
    assert aligned(["a"], []) == []


def test_word_lags_run_from_the_end_of_each_word_to_the_caption_that_shows_it() -> None:
    # Good 1.4-1, morning 4-2 (it read "mourning" before), everyone 4-3; Let 5.8-4, us 5.8-5, begin 7-6.
    assert word_lags(two_segments()) == pytest.approx([0.4, 2.0, 1.0, 1.8, 0.8, 1.0])


def test_a_segment_ends_with_its_last_word_not_with_the_systems_offset() -> None:
    assert segment_ends(two_segments()) == {1: 3.0, 2: 6.0}


def test_a_segment_without_a_word_of_the_transcript_ends_where_the_system_says() -> None:
    added = shown(3, "Um.", 9.0, final=True, end=8.5)
    talk = two_segments()
    talk.source.captions.append(added)
    assert segment_ends(talk) == {1: 3.0, 2: 6.0, 3: 8.5}


def test_caption_lag_is_to_the_first_final_caption() -> None:
    talk = two_segments()
    assert caption_lags(talk.tracks["es"], segment_ends(talk)) == pytest.approx([1.5, 1.25])


def test_voice_lag_is_to_the_moment_its_audio_plays() -> None:
    talk = two_segments()
    assert voice_lags(talk.tracks["es"], segment_ends(talk)) == [(3.0, 2.0), (6.0, 2.5)]


def test_voice_lag_of_words_counts_from_each_word() -> None:
    talk = two_segments()
    assert word_voice_lags(talk, talk.tracks["es"]) == pytest.approx([4.0, 3.0, 2.0, 4.5, 3.5, 2.5])


def test_drift_compares_the_bad_end_of_the_first_and_the_last_minutes() -> None:
    lags = [(float(at), 2.0) for at in range(300)] + [(float(at), 9.0) for at in range(301, 900)]
    lags += [(float(at), 3.0) for at in range(901, 1200)]
    assert drift(lags, 1200.0) == (2.0, 3.0)


def test_drift_of_a_short_talk_compares_its_halves() -> None:
    assert drift([(10.0, 1.0), (20.0, 2.0), (40.0, 3.0)], 60.0) == (2.0, 3.0)
    assert drift([(10.0, 1.0)], 60.0) is None


def test_silence_is_what_does_not_play_between_the_first_and_the_last_audio() -> None:
    # 1 s of voice, 0.5 s of nothing, 2.5 s of voice: an eighth.
    assert silence_share([voiced(1, 5.0, 1.0), voiced(2, 6.5, 2.5)]) == pytest.approx(0.125)
    assert silence_share([voiced(1, 5.0)]) == 0.0
    assert silence_share([]) is None


def test_tempo_is_counted_in_steps_of_a_twentieth() -> None:
    cues = [voiced(1, 0.0, tempo=tempo) for tempo in (1.0, 1.049, 1.05, 1.1, 1.15, 1.25)]
    assert tempo_histogram(cues) == {1.0: 2, 1.05: 1, 1.1: 1, 1.15: 1, 1.25: 1}


def test_lagging_is_measured_against_a_translation_that_keeps_pace() -> None:
    # Four words in 4 s: the ideal is at 0, 1, 2, 3. Lags 1, 1, 2; the first word at or after the end is the last.
    assert laal([1.0, 2.0, 4.0, 4.5], 4.0, 4) == pytest.approx((1 + 1 + 2) / 3)


def test_lagging_is_not_made_smaller_by_a_longer_translation() -> None:
    # Eight words where the reference has four: the ideal is at 0, 0.5, 1 ...
    delays = [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 3.75, 4.0]
    assert laal(delays, 4.0, 4) == pytest.approx((6 * 1.0 + 0.75 + 0.5) / 8)


def test_what_comes_only_after_the_end_lags_by_its_whole_time() -> None:
    assert laal([5.0, 5.0], 4.0, 2) == 5.0
    assert laal([], 4.0, 2) is None


def test_segments_belong_to_the_piece_in_which_the_middle_of_their_speech_lies() -> None:
    talk = two_segments()
    first, second = by_piece(talk, talk.tracks["es"])
    assert (first.words, first.times) == (["Buenos", "días", "a", "todos."], [3.0, 4.5, 4.5, 4.5])
    assert (second.words, second.times) == (["Empecemos."], [7.25])


def test_lagging_of_a_talk_is_the_mean_over_its_sentences() -> None:
    talk = two_segments()
    # First: source 3.25 s, four words, 0.8125 s each; delays 3.0, 4.5: (3.0 + 4.5 - 0.8125) / 2.
    # Second: begins at 3.25, delay 4.0 of 6.75 s, a single word: 4.0.
    assert stream_laal(talk, talk.tracks["es"]) == pytest.approx(((3.0 + 4.5 - 0.8125) / 2 + 4.0) / 2)


def test_use_is_by_second_of_speech_and_what_is_nobodys_is_others_by_second_that_passed() -> None:
    usage = [
        Usage(0.0, {"edge": 1.0, "transcription": 2.0}, busy=10.0, player=0.5, memory_bytes=7),
        Usage(12.0, {"edge": 2.0, "transcription": 6.0}, busy=19.0, player=1.5, memory_bytes=5),
    ]
    use = load_of(performance([], {}, words(), usage=usage))
    assert use is not None
    assert use.services == pytest.approx({"edge": 0.1, "transcription": 0.4})
    assert (use.system, use.player, use.others) == pytest.approx((0.5, 0.1, 0.25))
    assert use.memory_bytes == 7


def test_a_word_that_whisper_missed_lies_between_its_neighbours() -> None:
    found = [("Good", 0.0, 0.5), ("everyone!", 2.0, 2.5)]
    times = timed(["good", "morning", "to", "everyone"], found)
    assert [(word.start, word.end) for word in times] == [(0.0, 0.5), (0.5, 1.25), (1.25, 2.0), (2.0, 2.5)]


def test_a_word_of_several_parts_is_found_by_each() -> None:
    times = timed(["speech", "to", "text"], [("Speech-to-text.", 1.0, 2.0)])
    assert [(word.start, word.end) for word in times] == [(1.0, 2.0)] * 3


def test_without_any_word_found_there_are_no_times() -> None:
    assert timed(["good"], []) == []
