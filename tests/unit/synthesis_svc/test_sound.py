"""One level for all voices, no silence at the ends, nothing clipped."""

import numpy as np
import pytest

from chassis.pcm import SAMPLE_RATE, Samples, samples
from synthesis_svc.domain.sound import ACTIVE_DBFS, Mastering, active_dbfs, hastened, limited, silence, trimmed


def tone(seconds: float, amplitude: float) -> Samples:
    return (amplitude * np.sin(2 * np.pi * 200 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(
        np.float32
    )


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def test_silence_at_the_ends_goes_but_for_a_margin() -> None:
    cut = trimmed(np.concatenate([quiet(0.5), tone(1.0, 0.3), quiet(0.7)]))
    assert cut.size / SAMPLE_RATE == pytest.approx(1.09, abs=0.02)


def test_silence_inside_stays() -> None:
    cut = trimmed(np.concatenate([tone(0.5, 0.3), quiet(0.4), tone(0.5, 0.3)]))
    assert cut.size / SAMPLE_RATE == pytest.approx(1.4, abs=0.02)


def test_nothing_but_silence_leaves_nothing() -> None:
    assert trimmed(quiet(1.0)).size == 0
    assert trimmed(quiet(0.0)).size == 0
    assert active_dbfs(quiet(1.0)) is None


def test_pauses_do_not_make_a_voice_look_soft() -> None:
    spoken = active_dbfs(tone(1.0, 0.1))
    assert spoken == pytest.approx(-23.0, abs=0.1)
    assert active_dbfs(np.concatenate([tone(1.0, 0.1), quiet(3.0)])) == pytest.approx(spoken, abs=0.1)


@pytest.mark.parametrize("amplitude", [0.02, 0.1, 0.9])
@pytest.mark.parametrize("gain_db", [-12.0, -6.0, 0.0, 6.0])
def test_every_voice_comes_out_at_one_level(amplitude: float, gain_db: float) -> None:
    finished = samples(Mastering(gain_db).finish(tone(1.0, amplitude)))
    assert active_dbfs(finished) == pytest.approx(ACTIVE_DBFS + gain_db, abs=0.2)


def test_pieces_of_a_cue_keep_their_relation() -> None:
    mastering = Mastering(0.0)
    first = active_dbfs(samples(mastering.finish(tone(1.0, 0.1))))
    second = active_dbfs(samples(mastering.finish(tone(1.0, 0.05))))
    assert first is not None
    assert second == pytest.approx(first - 6.0, abs=0.2)


def test_the_limiter_bends_peaks_and_leaves_the_rest() -> None:
    wave = np.linspace(-3.0, 3.0, 601, dtype=np.float32)
    bent = limited(wave)
    assert float(np.abs(bent).max()) <= 0.98
    assert np.all(np.diff(bent) >= 0)
    assert np.array_equal(bent[np.abs(wave) <= 0.6], wave[np.abs(wave) <= 0.6])


@pytest.mark.parametrize("factor", [1.05, 1.2, 1.5])
def test_a_hastened_wave_is_shorter_at_the_same_pitch_and_level(factor: float) -> None:
    wave = tone(2.0, 0.3)
    fast = hastened(wave, factor)
    assert fast.size == pytest.approx(wave.size / factor, rel=0.02)
    spectrum = np.abs(np.fft.rfft(fast * np.hanning(fast.size)))
    assert spectrum.argmax() * SAMPLE_RATE / fast.size == pytest.approx(200.0, abs=2.0)
    assert active_dbfs(fast) == pytest.approx(active_dbfs(wave), abs=0.5)


@pytest.mark.parametrize("samples_", [0, 1, 100, 500])
def test_a_wave_too_short_to_hasten_stays(samples_: int) -> None:
    wave = np.ones(samples_, np.float32)
    assert np.array_equal(hastened(wave, 1.5), wave)


def test_silence_has_whole_samples() -> None:
    assert silence(0.1) == bytes(3200)
    assert silence(-1.0) == b""
