import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import pcm


@given(st.lists(st.integers(-32_768, 32_767)))
def test_bytes_survive_the_way_to_samples_and_back(values: list[int]) -> None:
    audio = np.array(values, dtype="<i2").tobytes()
    assert pcm.to_bytes(pcm.samples(audio)) == audio


def test_an_odd_number_of_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        pcm.samples(b"\0\0\0")


def test_what_is_beyond_full_scale_is_clipped_and_does_not_wrap() -> None:
    loud = np.array([2.0, -2.0], dtype=np.float32)
    assert np.frombuffer(pcm.to_bytes(loud), "<i2").tolist() == [32_767, -32_768]


def test_a_full_scale_square_wave_is_0_dbfs_and_half_of_it_6_db_less() -> None:
    square = np.tile(np.array([1.0, -1.0], dtype=np.float32), 800)
    assert pcm.dbfs(square) == pytest.approx(0.0, abs=1e-6)
    assert pcm.dbfs(square * np.float32(0.5)) == pytest.approx(-6.0206, abs=1e-3)


def test_a_sine_is_3_db_below_its_peak() -> None:
    sine = np.sin(2 * np.pi * 100 * np.arange(pcm.SAMPLE_RATE) / pcm.SAMPLE_RATE).astype(np.float32)
    assert pcm.dbfs(sine) == pytest.approx(-3.0103, abs=1e-3)


@pytest.mark.parametrize("count", [0, 160])
def test_silence_and_nothing_have_a_level(count: int) -> None:
    assert pcm.dbfs(np.zeros(count, dtype=np.float32)) == pcm.SILENCE_DBFS


def test_seconds_and_byte_count_are_inverse() -> None:
    assert pcm.seconds(b"\0" * 3_200) == 0.1
    assert pcm.byte_count(0.1) == 3_200
    assert pcm.byte_count(0.1, sample_rate=48_000) == 9_600
    assert pcm.byte_count(0.000_04) % pcm.BYTES_PER_SAMPLE == 0


def test_volume_multiplies_amplitude() -> None:
    audio = np.array([1_000, -2_000], dtype="<i2").tobytes()
    assert np.frombuffer(pcm.scaled(audio, 0.5), "<i2").tolist() == [500, -1_000]
    assert pcm.scaled(audio, 1.0) is audio
    assert pcm.scaled(audio, 0.0) == b"\0" * 4
