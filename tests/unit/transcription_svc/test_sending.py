"""How fast audio goes to an engine far away, and when it counts as gone."""

import pytest

from transcription_svc.domain.sending import AHEAD_SECONDS, OPEN_SECONDS, SOUND_SECONDS, UNREAD_SECONDS, Sending

STEP = 0.1


def reading() -> Sending:
    sending = Sending(0.0)
    sending.reads(0.0, waiting=True)
    return sending


def send(sending: Sending, steps: int, now: float = 0.0, *, audible: bool = False) -> None:
    for _ in range(steps):
        sending.sent(STEP, now, audible=audible)


def test_live_audio_never_waits() -> None:
    sending = reading()
    for step in range(3000):
        assert sending.wait(STEP, step * STEP) == 0.0
        sending.sent(STEP, step * STEP, audible=False)


def test_two_seconds_may_go_at_once_and_then_twice_the_speed_of_speech() -> None:
    sending = reading()
    send(sending, 20)
    assert sending.wait(STEP, 0.0) == pytest.approx(STEP / 2)
    assert sending.wait(STEP, STEP / 2 + 1e-9) == 0.0


def test_a_rest_saves_up_no_more_than_two_seconds() -> None:
    sending = reading()
    send(sending, 20, now=100.0)
    assert sending.wait(STEP, 100.0) == pytest.approx(STEP / 2)


def test_what_was_answered_lets_as_much_go() -> None:
    sending = reading()
    send(sending, 20)
    sending.answered(1.0, 0.0)
    for _ in range(10):
        assert sending.wait(STEP, 0.0) == 0.0
        sending.sent(STEP, 0.0, audible=True)
    assert sending.wait(STEP, 0.0) is not None
    assert sending.wait(STEP, 0.0) != 0.0


def test_while_nobody_reads_ten_seconds_go_and_no_more() -> None:
    sending, now = Sending(0.0), 0.0
    for _ in range(round(UNREAD_SECONDS / STEP)):
        now += sending.wait(STEP, now) or 0.0
        sending.sent(STEP, now, audible=True)
    assert now == pytest.approx((UNREAD_SECONDS - AHEAD_SECONDS) / 2)
    assert sending.wait(STEP, now) is None
    sending.reads(1000.0, waiting=True)
    assert sending.wait(STEP, 1000.0) == pytest.approx(STEP / 2)
    assert sending.wait(STEP, 1000.0 + STEP) == 0.0


def test_an_open_result_without_news_is_a_stall() -> None:
    sending = reading()
    for step in range(80):
        assert not sending.is_stalled(step * STEP, has_open=True), step
        sending.sent(STEP, step * STEP, audible=False)
    send(sending, 2, now=OPEN_SECONDS)
    assert sending.is_stalled(OPEN_SECONDS + 0.15, has_open=True)
    assert not sending.is_stalled(OPEN_SECONDS + 0.15, has_open=False)


def test_sound_without_an_answer_is_a_stall_and_silence_is_not() -> None:
    for audible in (True, False):
        sending = reading()
        for step in range(round(SOUND_SECONDS / STEP) + 2):
            sending.sent(STEP, step * STEP, audible=audible)
        assert sending.is_stalled(SOUND_SECONDS + 0.1, has_open=False) is audible


def test_an_answer_ends_the_wait_for_one() -> None:
    sending = reading()
    send(sending, 250, audible=True)
    sending.answered(0.0, 24.0)
    assert not sending.is_stalled(25.0, has_open=True)


def test_a_burst_is_no_stall_before_its_time_has_passed() -> None:
    sending = reading()
    send(sending, 250, audible=True)
    assert not sending.is_stalled(1.0, has_open=True)


def test_who_does_not_read_cannot_tell_a_stall() -> None:
    sending = Sending(0.0)
    send(sending, 250, audible=True)
    assert not sending.is_stalled(1000.0, has_open=True)
    sending.reads(1000.0, waiting=True)
    assert not sending.is_stalled(1001.0, has_open=True)
