"""Pauses are shortened, whichever engine made them (T9: pause removal), and nothing else is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import pcm
from transcription_svc.domain.silences import Silences


def tone(seconds: float, dbfs: float = -20.0) -> bytes:
    at = np.arange(round(seconds * pcm.SAMPLE_RATE)) / pcm.SAMPLE_RATE
    return pcm.to_bytes((np.sqrt(2) * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 200 * at)).astype(np.float32))


def silence(seconds: float) -> bytes:
    return bytes(pcm.byte_count(seconds))


def shortened(audio: bytes, keep: float, chunk: int = 6400) -> bytes:
    silences = Silences(keep)
    out = b"".join(silences.shorten(audio[at : at + chunk]) for at in range(0, len(audio), chunk))
    return out + silences.rest()


def test_a_long_pause_is_shortened_to_what_may_remain() -> None:
    audio = tone(1.0) + silence(0.7) + tone(1.0)
    assert pcm.seconds(shortened(audio, 0.15)) == pytest.approx(2.15, abs=0.011)


def test_a_short_pause_stays() -> None:
    audio = tone(1.0) + silence(0.1) + tone(1.0)
    assert shortened(audio, 0.15) == audio


def test_silence_before_and_after_goes_too() -> None:
    audio = silence(0.5) + tone(1.0) + silence(0.5)
    assert pcm.seconds(shortened(audio, 0.12)) == pytest.approx(1.24, abs=0.021)


def test_hiss_far_below_the_voice_is_silence_and_a_soft_word_is_not() -> None:
    hiss, soft = tone(0.6, dbfs=-65.0), tone(0.6, dbfs=-42.0)
    assert pcm.seconds(shortened(tone(1.0) + hiss + tone(1.0), 0.12)) == pytest.approx(2.12, abs=0.011)
    assert shortened(tone(1.0) + soft + tone(1.0), 0.12) == tone(1.0) + soft + tone(1.0)


def test_a_whispering_voice_is_not_taken_for_silence() -> None:
    audio = tone(2.0, dbfs=-44.0)
    assert shortened(audio, 0.12) == audio


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9_000)), min_size=1, max_size=8), st.integers(1, 9_000))
def test_every_loud_sample_stays_and_in_order_however_the_audio_is_cut(
    parts: list[tuple[bool, int]], chunk: int
) -> None:
    audio = b"".join(b"\x00\x10" * count if loud else bytes(2 * count) for loud, count in parts)
    out = shortened(audio, 0.1, chunk=2 * chunk)
    assert out.count(b"\x00\x10") == audio.count(b"\x00\x10")
    assert len(out) % 2 == 0
    assert out == shortened(audio, 0.1)


def test_without_a_bound_nothing_changes() -> None:
    audio = tone(0.3) + silence(0.9) + tone(0.3) + b"\x01\x00" * 7
    assert shortened(audio, 1.0) == audio
