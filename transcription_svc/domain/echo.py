"""Whether a voice comes back 10 to 500 ms later, as from a loudspeaker near the microphone.

Autocorrelation by FFT of the wave at 4 kHz, of windows of 2 s, each spectrum flattened first (|X| to the power 1/2;
towards the cepstrum, of which log |X| would be the limit, but noise disturbs it less). An echo's delay is then one
sharp peak whose height is its amplitude, however the voice's own periods lie; the mean of 8 windows keeps what stays
where it is, and smears pitch, which never stays. Periods that do stay (hum, held tones) have peaks at their multiples
or parts, which an echo has not.

What cannot be told: a faint echo within 25 ms from a room's first reflections, within 16 ms from a low, monotonous
voice. There an echo has to have -10 and -6 dB.
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chassis.pcm import Samples
from transcription_svc.domain.frames import BLOCKS_PER_SECOND, LOW_RATE, Block

THRESHOLD_DB: Final = -15.0
_NEAR: Final = ((0.025, -10.0), (0.016, -6.0))  # Below so many seconds, so many dB.
_SECONDS: Final = (0.010, 0.500)
_WINDOW: Final = 2 * LOW_RATE
_WINDOW_BLOCKS: Final = 2 * BLOCKS_PER_SECOND
_HOP_BLOCKS: Final = BLOCKS_PER_SECOND
_WINDOWS: Final = (4, 8)  # Fewest that are judged, most that are kept.
_AUDIBLE_POWER: Final = 1e-5  # -50 dBFS.
_REMOTE: Final = 0.03  # A window this far (15 dB) under the loudest kept is a pause.
_STAYS_SECONDS: Final = 0.001
_NEARLY: Final = 0.7
_WAYS: Final = 3
_FLATTENING: Final = 0.25  # Of |X| squared.

_HANN: Final = np.hanning(_WINDOW).astype(np.float32)
_LAGS: Final = np.arange(round(_SECONDS[0] * LOW_RATE), round(_SECONDS[1] * LOW_RATE) + 1)
_SHORTEST_PERIOD: Final = round(0.0025 * LOW_RATE)


def _overlap() -> NDArray[np.float64]:
    """What a window leaves of the correlation at each lag: the Hann window's own autocorrelation."""
    part = _LAGS / _WINDOW
    return (1 - part) * (2 / 3 + np.cos(2 * np.pi * part) / 3) + np.sin(2 * np.pi * part) / (2 * np.pi)


_SCALE: Final = 1.0 / (_FLATTENING * _overlap())
_LEAST: Final = np.full(len(_LAGS), 10 ** (THRESHOLD_DB / 20))
for _seconds, _decibels in _NEAR:
    _LEAST[: round((_seconds - _SECONDS[0]) * LOW_RATE)] = 10 ** (_decibels / 20)


class EchoMeter:
    """One judgement for each second of speech, from the last 5 to 9 s of it."""

    def __init__(self) -> None:
        self._low: deque[Samples] = deque(maxlen=_WINDOW_BLOCKS)
        self._correlations: deque[NDArray[np.float32]] = deque(maxlen=_WINDOWS[1])
        self._loudest = 0.0
        self._blocks = 0
        self.level: float | None = None
        """The strongest echo, dB relative to the voice, -60 for none; None while too little was heard."""
        self.delay = 0.0
        """Seconds; of the strongest."""
        self.certain = False
        """Whether the strongest is an echo at all, and was where it is a second before."""

    def add(self, block: Block) -> bool:
        """Takes the next block; True when there is a new judgement."""
        self._low.append(block.low)
        self._blocks += 1
        if self._blocks % _HOP_BLOCKS or len(self._low) < _WINDOW_BLOCKS:
            return False
        wave = np.concatenate(self._low)
        wave = (wave - wave.mean()) * _HANN
        power = float(np.dot(wave, wave)) / _WINDOW
        self._loudest = max(self._loudest * 0.98, power)
        if power < max(_AUDIBLE_POWER, self._loudest * _REMOTE):
            return False
        spectrum = np.fft.rfft(wave)
        flat = (spectrum.real**2 + spectrum.imag**2) ** np.float32(_FLATTENING)
        correlation = np.fft.irfft(flat)[: _WINDOW // 2 + 2]
        self._correlations.append((correlation / correlation[0]).astype(np.float32))
        if len(self._correlations) < _WINDOWS[0]:
            return False
        self._judge(np.mean(self._correlations, axis=0))
        return True

    def _judge(self, correlation: NDArray[np.float32]) -> None:
        # A delay between two samples shares its peak among three; their squares sum to the square of the whole.
        squares = np.where(correlation > 0, correlation, 0) ** 2
        heights = np.sqrt(squares[_LAGS - 1] + squares[_LAGS] + squares[_LAGS + 1])
        heights = np.where(correlation[_LAGS] > 0, heights, 0) * _SCALE
        best = int((heights / _LEAST).argmax())
        lag = int(_LAGS[best]) - 1 + int(correlation[_LAGS[best] - 1 : _LAGS[best] + 2].argmax())
        self.level = min(max(20.0 * float(np.log10(heights[best] + 1e-9)), -60.0), 0.0)
        stays = abs(self.delay - lag / LOW_RATE) < _STAYS_SECONDS
        self.delay = lag / LOW_RATE
        # Chance peaks are as much higher as fewer windows share in the mean.
        least = _LEAST[best] * (_WINDOWS[1] / len(self._correlations)) ** 0.5
        strong = stays and bool(heights[best] >= least)
        self.certain = strong and not _periodic(correlation, lag) and _alone(heights, best)


def _alone(heights: NDArray[np.float64], best: int) -> bool:
    """Whether at most two other peaks come near: an echo may take two or three ways, a tone or a hall has a crowd."""
    inner = heights[1:-1]
    peaks = (inner > heights[:-2]) & (inner >= heights[2:]) & (inner >= _NEARLY * heights[best])
    return int(np.count_nonzero(peaks)) <= _WAYS


def _periodic(correlation: NDArray[np.float32], lag: int) -> bool:
    """Whether a peak is one of a row: another of half its height at twice its lag, or its likes at all parts of it."""
    height = float(correlation[lag])

    def peak(at: float) -> float:
        near = round(at)
        return float(correlation[near - 1 : near + 2].max())

    if 2 * lag + 2 <= len(correlation) and peak(2 * lag) > 0.5 * height:
        return True
    parts = range(2, lag // _SHORTEST_PERIOD + 1)
    return any(all(peak(lag * step / part) > 0.9 * height for step in range(1, part)) for part in parts)
