"""When a language is told to be away and back (T6): never at every sentence."""

from transcription_svc.domain.availability import Availability, Away, Back


def told(outcomes: str, part: str = "voice") -> list[Away | Back]:
    """What is told of a run of outcomes: `s`uccess, `f`ailure."""
    language = Availability()
    found = [
        language.works(part) if outcome == "s" else language.fails(part, "SYNTHESIS_FAILED") for outcome in outcomes
    ]
    return [each for each in found if each is not None]


AWAY = Away("SYNTHESIS_FAILED")


def test_a_language_that_works_is_not_told_of() -> None:
    assert told("sssss") == []


def test_one_sentence_that_fails_is_not_a_language_that_is_away() -> None:
    assert told("ssfsss") == []


def test_two_in_a_row_are() -> None:
    assert told("ssff") == [AWAY]
    assert told("ssffff") == [AWAY]


def test_what_never_worked_is_told_at_once() -> None:
    assert told("f") == [AWAY]


def test_it_is_back_when_it_has_worked_twice_in_a_row() -> None:
    assert told("ffs") == [AWAY]
    assert told("ffss") == [AWAY, Back()]


def test_failing_every_other_time_does_not_flap() -> None:
    assert told("s" + "fs" * 20) == []
    assert told("f" + "sf" * 20) == [AWAY]


def test_a_language_is_back_when_all_of_it_is() -> None:
    language = Availability()
    assert language.fails("translation", "TRANSLATION_FAILED") == Away("TRANSLATION_FAILED")
    assert language.fails("voice", "SYNTHESIS_FAILED") is None
    assert [language.works("voice") for _ in range(2)] == [None, None]
    assert [language.works("translation") for _ in range(2)] == [None, Back()]
