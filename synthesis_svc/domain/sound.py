"""What is done to every voice's samples: silence at the ends goes, one level for all, nothing clips.

All waves: mono float32, shape (n,), -1.0 to 1.0.
"""

from typing import Final

import numpy as np

from chassis.pcm import SAMPLE_RATE, Samples, to_bytes

ACTIVE_DBFS: Final = -20.0
"""RMS level of active speech of every voice at medium volume: 6 dB louder still leaves room for peaks."""

_FRAME: Final = SAMPLE_RATE // 100
# Speech is what lies within this many dB of the loudest frame; what ends of words need is kept by the margins.
_SPEECH_DB: Final = 38.0
_ACTIVE_DB: Final = 22.0
_FLOOR_POWER: Final = 10 ** (-60.0 / 10)
_MARGIN_BEFORE: Final = SAMPLE_RATE * 30 // 1000
_MARGIN_AFTER: Final = SAMPLE_RATE * 60 // 1000
_FADE: Final = SAMPLE_RATE * 4 // 1000
_KNEE: Final = 0.6
_CEILING: Final = 0.98
_LARGEST_GAIN_DB: Final = 24.0
_STRETCH_FRAME: Final = SAMPLE_RATE * 30 // 1000
_STRETCH_REACH: Final = SAMPLE_RATE * 8 // 1000


def trimmed(wave: Samples) -> Samples:
    """The wave (16 kHz) without silence at its ends but for 30 ms before and 60 ms after; empty when all is silent."""
    power = frame_power(wave)
    loudest = float(power.max(initial=0.0))
    if loudest <= _FLOOR_POWER:
        return wave[:0]
    spoken = np.flatnonzero(power > max(loudest * 10 ** (-_SPEECH_DB / 10), _FLOOR_POWER))
    start = max(int(spoken[0]) * _FRAME - _MARGIN_BEFORE, 0)
    end = min((int(spoken[-1]) + 1) * _FRAME + _MARGIN_AFTER, wave.size)
    cut = wave[start:end].copy()
    fade = min(_FADE, cut.size // 2)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    cut[:fade] *= ramp
    cut[cut.size - fade :] *= ramp[::-1]
    return cut


def active_dbfs(wave: Samples) -> float | None:
    """RMS level of the frames (10 ms) within 22 dB of the loudest, dBFS; None when all is silent.

    In the manner of ITU-T P.56: pauses do not make a voice look soft.
    """
    power = frame_power(wave)
    loudest = float(power.max(initial=0.0))
    if loudest <= _FLOOR_POWER:
        return None
    active = power[power > loudest * 10 ** (-_ACTIVE_DB / 10)]
    return float(10 * np.log10(active.mean()))


def limited(wave: Samples) -> Samples:
    """The wave with peaks beyond 0.6 bent smoothly to stay under 0.98; what is below is untouched."""
    size = np.abs(wave)
    over = size > _KNEE
    if not over.any():
        return wave
    room = _CEILING - _KNEE
    bent = _KNEE + room * np.tanh((size[over] - _KNEE) / room)
    result = wave.copy()
    result[over] = np.sign(wave[over]) * bent
    return result


def hastened(wave: Samples, factor: float) -> Samples:
    """The wave `factor` times as fast (1.0 to 2.0) at the same pitch; about n / factor samples.

    WSOLA (Verhelst and Roelands, 1993): frames of 30 ms overlap by half, each taken from where it best continues the
    one before it, within 8 ms of its place.
    """
    hop, size, reach = _STRETCH_FRAME // 2, _STRETCH_FRAME, _STRETCH_REACH
    count = int(wave.size / factor) // hop - 1
    if factor <= 1.0 or count < 2:
        return wave
    source = np.pad(wave, (reach, size + 2 * reach + hop))
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    result = np.zeros((count + 1) * hop, np.float32)
    at = reach
    for number in range(count):
        if number:
            follow_up = source[at + hop : at + hop + size]
            start = round(number * hop * factor)
            likeness = np.correlate(source[start : start + size + 2 * reach], follow_up, "valid")
            at = start + int(likeness.argmax())
        result[number * hop : number * hop + size] += window * source[at : at + size]
    return result


def silence(seconds: float) -> bytes:
    """Digital silence."""
    return bytes(2 * round(max(seconds, 0.0) * SAMPLE_RATE))


class Mastering:
    """Brings one cue to its level. The gain is found on its first piece and kept: pieces keep their relation."""

    def __init__(self, gain_db: float) -> None:
        self._wanted_dbfs = ACTIVE_DBFS + gain_db
        self._factor: np.float32 | None = None

    def finish(self, wave: Samples) -> bytes:
        """One piece, trimmed or not, at its level and within full scale, as s16le."""
        if self._factor is None:
            level = active_dbfs(wave)
            if level is None:
                return to_bytes(wave)
            gain_db = min(self._wanted_dbfs - level, _LARGEST_GAIN_DB)
            self._factor = np.float32(10 ** (gain_db / 20))
        return to_bytes(limited(wave * self._factor))


def frame_power(wave: Samples) -> Samples:
    """Mean square of each 10 ms; shape (ceil(n / 160),), the last frame filled up with silence."""
    filled = np.pad(wave, (0, -wave.size % _FRAME))
    squares: Samples = np.square(filled.reshape(-1, _FRAME)).mean(axis=1, dtype=np.float32)
    return squares
