"""Real-time feeding, chunk sizes and rates, back-off: arithmetic with the time passed in."""

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.client.dialling import endpoint
from edge.client.messages import ClientError, ErrorEvent
from edge.client.pacing import MAX_CHUNK_BYTES, Chunker, Throttle, decode, pace
from edge.client.recovery import Ending, Timing, ending, may_pass, retry_delay


class Clock:
    """Time that passes only in `sleep`, and `late` seconds more each time, as on a busy machine."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 50.0
        self.late = late

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + self.late


async def test_each_chunk_comes_when_a_microphone_would_have_it() -> None:
    clock = Clock()
    pcm = bytes(range(250)) * 64  # 0.5 s
    arrived = [(round(clock() - 50.0, 6), chunk) async for chunk in pace(pcm, 200, clock=clock, sleep=clock.sleep)]
    assert [at for at, _ in arrived] == [0.2, 0.4, 0.5]
    assert b"".join(chunk for _, chunk in arrived) == pcm


async def test_lateness_does_not_add_up() -> None:
    clock = Clock(late=0.03)
    times = [clock() - 50.0 async for _ in pace(bytes(32_000 * 60), 100, clock=clock, sleep=clock.sleep)]
    assert len(times) == 600
    assert max(at - (number + 1) * 0.1 for number, at in enumerate(times)) == pytest.approx(0.03)


async def test_after_a_stall_what_is_due_comes_at_once() -> None:
    clock = Clock()
    times = []
    async for _ in pace(bytes(32_000), 100, clock=clock, sleep=clock.sleep):
        times.append(round(clock() - 50.0, 6))
        if len(times) == 3:
            clock.now += 0.35
    assert times == [0.1, 0.2, 0.3, 0.65, 0.65, 0.65, 0.7, 0.8, 0.9, 1.0]


@given(st.lists(st.integers(0, 40_000), max_size=20), st.sampled_from([8_000, 16_000, 24_000, 48_000]))
def test_chunks_keep_the_protocols_sizes_and_lose_nothing(samples: list[int], sample_rate: int) -> None:
    chunker = Chunker(sample_rate)
    sent = [np.full(count, number, "<i2").tobytes() for number, count in enumerate(samples)]
    chunks = [chunk for pcm in sent for chunk in chunker.cut(pcm)]
    assert all(0.04 * sample_rate * 2 <= len(chunk) <= MAX_CHUNK_BYTES for chunk in chunks)
    assert all(len(chunk) % 2 == 0 for chunk in chunks)
    whole, got = b"".join(sent), b"".join(chunks)
    assert whole.startswith(got)
    assert len(whole) - len(got) < 0.04 * sample_rate * 2


def test_a_burst_keeps_under_fifty_chunks_in_any_second() -> None:
    throttle, now, times = Throttle(), 0.0, []
    for _ in range(500):
        now += throttle.take(now)
        times.append(now)
    assert max(sum(at <= other < at + 1.0 for other in times) for at in times) <= 50
    assert times[-1] == pytest.approx((500 - 10) / 40)


def test_chunks_at_real_time_speed_never_wait() -> None:
    throttle = Throttle()
    assert [throttle.take(number * 0.04) for number in range(200)] == [0.0] * 200


# ---------------------------------------------------------------------- recovery


def test_the_waits_double_up_to_thirty_seconds() -> None:
    assert [retry_delay(attempt, Timing(), 0.0) for attempt in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert retry_delay(10_000, Timing(), 0.0) == 30


@given(st.integers(0, 20), st.floats(0, 1))
def test_chance_takes_at_most_half_of_a_wait(attempt: int, chance: float) -> None:
    most = retry_delay(attempt, Timing(), 0.0)
    assert most / 2 <= retry_delay(attempt, Timing(), chance) <= most


def test_nobody_comes_back_sooner_than_asked() -> None:
    assert retry_delay(0, Timing(), 0.5, retry_after=12.0) == 12.0


@pytest.mark.parametrize(
    ("code", "told_ended", "refreshing", "expected"),
    [
        (4000, False, False, Ending.FINISHED),
        (1006, True, False, Ending.FINISHED),
        (1000, False, False, Ending.FINISHED),
        (1000, False, True, Ending.LOST),
        (1001, False, False, Ending.LOST),
        (1006, False, False, Ending.LOST),
        (1011, False, False, Ending.LOST),
        (4008, False, False, Ending.LOST),
        (None, False, False, Ending.LOST),
    ],
)
def test_what_a_close_means(code: int | None, told_ended: bool, refreshing: bool, expected: Ending) -> None:
    assert ending(code, told_ended=told_ended, refreshing=refreshing, error=None) is expected


@pytest.mark.parametrize("code", [1008, 1009, 4001, 4004, 4029, 4503])
def test_some_closes_are_for_good(code: int) -> None:
    with pytest.raises(ClientError):
        ending(code, told_ended=False, refreshing=False, error=None)
    with pytest.raises(ClientError, match="WRONG_PIN"):
        ending(code, told_ended=False, refreshing=False, error=ErrorEvent("WRONG_PIN", 403))


def test_only_what_may_pass_is_tried_again() -> None:
    passing = [
        status
        for status in (400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504)
        if may_pass(ClientError("X", status, ""))
    ]
    assert passing == [429, 500, 502, 503, 504]


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("http://host:8080", "ws://host:8080/ws"),
        ("https://host/", "wss://host/ws"),
        ("wss://host/ws", "wss://host/ws"),
        ("https://host/lingocast/", "wss://host/lingocast/ws"),
    ],
)
def test_the_address_of_a_server_leads_to_its_endpoint(given_url: str, expected: str) -> None:
    assert str(endpoint(given_url)) == expected


@pytest.mark.parametrize("wrong", ["host:8080", "ftp://host", "", "http://"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="address"):
        endpoint(wrong)


# ---------------------------------------------------------------------- decoding


def test_a_stereo_file_at_another_rate_becomes_mono_at_sixteen_thousand(tmp_path: Path) -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)).astype("<i2")
    with wave.open(str(tmp_path / "tone.wav"), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(44_100)
        out.writeframes(np.repeat(tone, 2).tobytes())
    pcm = np.frombuffer(decode(tmp_path / "tone.wav"), "<i2").astype(float)
    assert abs(len(pcm) - 16_000) <= 32
    assert np.argmax(np.abs(np.fft.rfft(pcm[:16_000]))) == pytest.approx(440, abs=1)


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("these are words")
    with pytest.raises(ValueError, match="not an audio file"):
        decode(tmp_path / "text.wav")
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "missing.wav")
