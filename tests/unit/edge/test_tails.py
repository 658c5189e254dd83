"""What edges answer to one that comes late, and whom it believes."""

from edge.domain.continuity import Position
from edge.domain.feed import BusEvent, Caption, CueAudio, LanguageStatusChanged
from edge.tails import Answers, Remembered, replies

FAILS = LanguageStatusChanged("es", False, "TRANSLATION_FAILED")


def captions(count: int) -> list[BusEvent]:
    return [Caption(number, "es", "hola", 4, True, 0, 1_000) for number in range(count)]


def remembered(events: list[BusEvent], publisher: str = "ada") -> Remembered:
    return Remembered(events, {publisher: Position(len(events), 0, 0.0)}, FAILS)


def answers(*messages: bytes) -> Answers:
    collected = Answers()
    for message in messages:
        collected.put(message)
    return collected


def test_an_answer_says_what_was_remembered() -> None:
    (message,) = replies(remembered(captions(3)), "x", knows=True)
    assert answers(message).best == remembered(captions(3))


def test_nothing_remembered_is_an_answer_too() -> None:
    (message,) = replies(Remembered([], {}, None), "x", knows=True)
    collected = answers(message)
    assert (collected.decided, collected.best) == (True, Remembered([], {}, None))


def test_much_is_said_in_messages_that_nats_takes() -> None:
    audio: list[BusEvent] = [CueAudio("1-es", "es", bytes(100_000), 3.0, number) for number in range(40)]
    messages = list(replies(remembered(audio), "x", knows=True))
    assert len(messages) > 4
    assert max(map(len, messages)) < 1_000_000
    assert not answers(*messages[:-1]).decided
    assert answers(*messages).best == remembered(audio)


def test_one_who_knows_the_last_cue_decides_at_once() -> None:
    (much,) = replies(remembered(captions(9)), "x", knows=False)
    (right,) = replies(remembered(captions(2)), "y", knows=True)
    (late,) = replies(remembered(captions(5)), "z", knows=True)
    assert not answers(much).decided
    collected = answers(much, right, late)
    assert (collected.decided, collected.best) == (True, remembered(captions(2)))


def test_among_those_who_do_not_who_remembers_most_is_believed() -> None:
    messages = [
        message
        for name, count in (("x", 3), ("y", 7), ("z", 5))
        for message in replies(remembered(captions(count), name), name, knows=False)
    ]
    collected = answers(*messages)
    assert (collected.decided, collected.best) == (False, remembered(captions(7), "y"))


def test_parts_of_several_who_speak_at_the_same_time_are_not_mixed() -> None:
    first: list[BusEvent] = [CueAudio("1-es", "es", bytes(300_000), 9.0, number) for number in range(4)]
    second: list[BusEvent] = [CueAudio("2-es", "es", bytes(300_000), 9.0, number) for number in range(3)]
    here = list(replies(remembered(first, "ada"), "x", knows=False))
    there = list(replies(remembered(second, "grace"), "y", knows=True))
    mixed = [message for pair in zip(here, there, strict=False) for message in pair]
    assert answers(*mixed, *here[len(there) :]).best == remembered(second, "grace")


def test_nobody_there_decides_without_an_answer() -> None:
    collected = answers(b"")
    assert (collected.decided, collected.best) == (True, None)
