"""How far a voice stands above the noise behind it, from the energies of 10 ms frames.

Noise is what a band falls to between and within words: the 5th percentile of its power, averaged over 80 ms, of the
last 3 s, summed over 12 bands. Bands rest at different moments, so this finds the noise under continuous speech, where
the whole frame's percentile would take faint sounds for noise. Signal is the active level of the same 3 s less the
noise.

What cannot be told: steady noise from a steady voice (a held tone), other people's talk from the speaker's, a room's
long reverberation from noise, and noise that a gate takes away between words. Where nobody speaks, or a second and
more is digital silence, there is no estimate.
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from transcription_svc.domain.frames import BLOCKS_PER_SECOND, SPEECH_BANDS, Block, active_level

_WINDOW_BLOCKS: Final = 3 * BLOCKS_PER_SECOND
_BLOCKS_PER_ESTIMATE: Final = BLOCKS_PER_SECOND // 2
_SMOOTH_FRAMES: Final = 8
_PERCENTILE: Final = 5
# The least of the last windows' floors counts: 3 s without a pause occur, 5.5 s hardly.
_FLOORS: Final = 6
# The 5th percentile lies below the mean: about 1 dB for white noise, 2 for pink, 5 for babble.
_FLOOR_BIAS: Final = 10**0.15
# A frame this much (2.5 dB) over the noise has speech in it.
_ABOVE_NOISE: Final = 1.8
_DIGITAL_SILENCE_DBFS: Final = -80.0
_GATE_BLOCKS: Final = BLOCKS_PER_SECOND  # Of digital silence: a second and more is no pause between words.
# Steady noise varies by 1 to 4 dB in 80 ms, speech 10 dB under its noise by as much; speech at the noise's level by 6.
_VARIATION_DB: Final = 6.0
# Speech this far under the speaker's usual level is somebody else's, or no speech.
_REMOTE_DB: Final = 15.0
_FORGET_SECONDS: Final = 20.0
_RANGE_DB: Final = (-10.0, 60.0)


class NoiseMeter:
    """Two estimates of the signal-to-noise ratio for each second of speech; `ratio` is their mean over 5 s."""

    def __init__(self) -> None:
        self._bands: deque[NDArray[np.float32]] = deque(maxlen=_WINDOW_BLOCKS)
        self._levels: deque[NDArray[np.float32]] = deque(maxlen=_WINDOW_BLOCKS)
        self._floors: deque[NDArray[np.float64]] = deque(maxlen=_FLOORS)
        self._usual: deque[float] = deque(maxlen=60)  # The speaker's level, dBFS, of the last estimates.
        self._estimates: deque[float] = deque(maxlen=10)
        self._estimated_at = float("-inf")
        self._silent: deque[Block] = deque(maxlen=_GATE_BLOCKS)
        self._waiting = 0  # Blocks since the last estimate.

    @property
    def ratio(self) -> float | None:
        """Mean of 5 s of estimates, dB, -10 to 60; None until there are so many."""
        if len(self._estimates) < 10:
            return None
        return sum(self._estimates) / len(self._estimates)

    @property
    def newest(self) -> float | None:
        """The newest estimate, dB; None before the first."""
        return self._estimates[-1] if self._estimates else None

    def add(self, block: Block) -> bool:
        """Takes the next block; True when there is a new estimate."""
        if block.levels.max() < _DIGITAL_SILENCE_DBFS:
            self._silent.append(block)
            return False
        if len(self._silent) < _GATE_BLOCKS:
            for silent in self._silent:
                self._take(silent)
        self._silent.clear()
        self._take(block)
        if self._waiting < _BLOCKS_PER_ESTIMATE or len(self._bands) < _WINDOW_BLOCKS:
            return False
        self._waiting = 0
        estimate = self._estimate(block.offset)
        if estimate is None:
            return False
        self._estimates.append(min(max(estimate, _RANGE_DB[0]), _RANGE_DB[1]))
        return True

    def _take(self, block: Block) -> None:
        self._bands.append(block.bands)
        self._levels.append(block.levels)
        self._waiting += 1

    def _estimate(self, offset: float) -> float | None:
        levels = np.concatenate(self._levels)
        sums = np.cumsum(np.concatenate(self._bands), axis=0, dtype=np.float64)
        smooth = (sums[_SMOOTH_FRAMES:] - sums[:-_SMOOTH_FRAMES]) / _SMOOTH_FRAMES
        self._floors.append(_low(smooth))
        noise = max(float(np.min(self._floors, axis=0).sum()) * _FLOOR_BIAS, 1e-12)
        voiced = levels[levels > 10 * np.log10(_ABOVE_NOISE * noise)]
        if not len(voiced):
            return None
        level = active_level(voiced)
        if not self._spoken(smooth, level, offset):
            return None
        self._usual.append(level)
        self._estimated_at = offset
        return 10.0 * float(np.log10(10 ** (level / 10) / noise - 1.0))

    def _spoken(self, smooth: NDArray[np.float64], level: float, offset: float) -> bool:
        """Whether the speaker is heard in the window at all."""
        voice = np.sort(smooth[:, SPEECH_BANDS].sum(axis=1))
        low, high = voice[len(voice) // 20], voice[-1 - len(voice) // 20]
        if high < low * 10 ** (_VARIATION_DB / 10):
            return False
        if offset - self._estimated_at > _FORGET_SECONDS:
            # A speaker that became softer for good.
            self._usual.clear()
        return not self._usual or level > float(np.median(self._usual)) - _REMOTE_DB


def _low(smooth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 5th percentile of each column."""
    rank = len(smooth) * _PERCENTILE // 100
    return np.asarray(np.partition(smooth, rank, axis=0)[rank])
