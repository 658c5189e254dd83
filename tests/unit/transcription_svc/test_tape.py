"""The tape: what is kept for another stream, what is let go, and where that one begins."""

from hypothesis import given
from hypothesis import strategies as st

from chassis.pcm import SAMPLE_RATE, byte_count
from transcription_svc.domain.tape import LEAD_IN_SECONDS, SILENCE_KEPT_SECONDS, Rewound, Tape


def piece(number: int, seconds: float = 0.1) -> bytes:
    return bytes([number % 256]) * byte_count(seconds)


def filled(count: int, keep_seconds: float = 30.0, *, audible: bool = True) -> Tape:
    tape = Tape(keep_seconds)
    for number in range(count):
        tape.put(piece(number), audible=audible)
    return tape


def taken(tape: Tape) -> list[int]:
    """The first byte of each piece that is left to be heard."""
    found: list[int] = []
    while (audio := tape.take()) is not None:
        found.append(audio[0])
    return found


def test_what_is_put_on_is_heard_once_in_order() -> None:
    tape = filled(5)
    assert (taken(tape), tape.take()) == ([0, 1, 2, 3, 4], None)
    assert (tape.waiting_seconds, tape.end_seconds) == (0.0, 0.5)


def test_what_is_not_final_is_heard_again_with_a_lead_in() -> None:
    tape = filled(20)
    taken(tape)
    tape.finished(1.0)
    assert tape.rewind() == Rewound(at_seconds=1.0 - LEAD_IN_SECONDS, again_seconds=1.4, missing_seconds=0.0)
    assert taken(tape) == list(range(6, 20))


def test_what_nobody_has_heard_is_never_final() -> None:
    tape = filled(20)
    tape.finished(1.0)
    assert tape.rewind().at_seconds == 0.0
    assert tape.is_unheard


def test_the_oldest_of_what_was_heard_goes_and_is_missed_once() -> None:
    tape = filled(10, keep_seconds=1.0)
    taken(tape)
    for number in range(10, 15):
        tape.put(piece(number))
        tape.take()
    rewound = tape.rewind()
    assert (round(rewound.at_seconds, 3), round(rewound.missing_seconds, 3)) == (0.5, 0.5)
    assert tape.rewind().missing_seconds == 0.0


def test_what_nobody_has_heard_makes_it_full() -> None:
    tape = filled(9, keep_seconds=1.0)
    assert not tape.is_full
    tape.put(piece(9))
    assert tape.is_full
    tape.take()
    assert not tape.is_full


def test_silence_is_let_go_after_a_while_unless_sound_before_it_is_not_final() -> None:
    tape = filled(200, audible=False)
    taken(tape)
    tape.put(piece(200), audible=False)
    assert round(tape.rewind().at_seconds, 1) == round(20.0 - SILENCE_KEPT_SECONDS - LEAD_IN_SECONDS, 1) + 0.1
    tape = Tape()
    tape.put(piece(0))
    for number in range(200):
        tape.put(piece(number), audible=False)
        tape.take()
    assert tape.rewind().at_seconds == 0.0


def test_a_short_sound_at_the_very_start_is_to_be_heard_to_its_end() -> None:
    tape = Tape()
    tape.put(piece(0))
    tape.take()
    assert tape.is_unheard
    tape.finished(0.1)
    assert not tape.is_unheard


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.floats(0.01, 0.5)),
            st.tuples(st.just("take"), st.just(0.0)),
            st.tuples(st.just("rewind"), st.just(0.0)),
            st.tuples(st.just("finished"), st.floats(-1.0, 1.0)),
        ),
        max_size=120,
    ),
    keep=st.floats(0.5, 3.0),
)
def test_whatever_is_done_a_stream_hears_all_that_is_not_final_without_a_gap(
    steps: list[tuple[str, float]], keep: float
) -> None:
    tape, written, position, final = Tape(keep), bytearray(), 0, 0
    for number, (step, amount) in enumerate(steps):
        match step:
            case "put" if not tape.is_full:
                audio = bytes([number + 1]) * byte_count(amount)
                written += audio
                tape.put(audio)
            case "take":
                heard = tape.take() or b""
                assert heard == bytes(written[position : position + len(heard)])
                position += len(heard)
            case "finished":
                until = position / 2 / SAMPLE_RATE + amount
                tape.finished(until)
                final = max(final, min(round(until * SAMPLE_RATE), position // 2))
            case "rewind":
                rewound = tape.rewind()
                position = round(rewound.at_seconds * SAMPLE_RATE) * 2
                assert round(rewound.at_seconds * SAMPLE_RATE) <= final + round(rewound.missing_seconds * SAMPLE_RATE)
                final = max(final, position // 2)
        assert tape.waiting_seconds == (len(written) - position) / 2 / SAMPLE_RATE
        assert tape.waiting_seconds <= keep + 0.5
