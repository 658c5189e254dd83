"""A speaker's audio as every analysis of it wants it: blocks of 100 ms, whatever the size of the chunks, measured once.

Level and bands of each 10 ms frame are shared by dynamics (syllables, loudness) and quality (noise), the decimated
wave by pitch and echo. Where audio is missing, what waits for its block is left out: never more than 100 ms.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chassis.pcm import SAMPLE_RATE, Samples

FRAME: Final = SAMPLE_RATE // 100
"""Samples of a frame: 10 ms."""
FRAMES_PER_SECOND: Final = 100
BLOCK: Final = SAMPLE_RATE // 10
BLOCK_SECONDS: Final = 0.1
BLOCKS_PER_SECOND: Final = 10
LOW_RATE: Final = 4_000
"""Samples per second of the decimated wave."""
GAP_SECONDS: Final = 0.1
"""Audio that lies further than this from the end of what came before does not continue it."""

# First FFT bin (of 62.5 Hz) of each band: 62 Hz up to 8 kHz, finer where voices have more to tell.
_BANDS: Final = np.array([1, 3, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97])
SPEECH_BANDS: Final = slice(2, 9)
"""The bands from 312 Hz to 3 kHz: vowels, without hum and hiss."""
_WINDOW: Final = 256
_TAIL: Final = _WINDOW - FRAME
_HANN: Final = np.hanning(_WINDOW + 1)[:_WINDOW].astype(np.float32)
# A band's power is then that of its share of the wave: the sum over bands is close to the frame's mean power.
_POWER: Final = np.float32(2.0 / (_WINDOW * float((_HANN**2).sum())))
_INDEX: Final = np.arange(10)[:, None] * FRAME + np.arange(_WINDOW)


@dataclass(frozen=True, slots=True)
class Block:
    """100 ms. `offset`: of its first sample, seconds of the session.

    `wave`: (1600,), -1.0 to 1.0. `levels`: (10,), dBFS of each frame, -120 for digital silence. `bands`: (10, 12), mean
    power of each frame in each band. `low`: (400,), the wave at 4 kHz.
    """

    offset: float
    wave: Samples
    levels: NDArray[np.float32]
    bands: NDArray[np.float32]
    low: Samples

    @property
    def end(self) -> float:
        return self.offset + BLOCK_SECONDS


class Blocks:
    """Cuts one speaker's audio into blocks."""

    def __init__(self) -> None:
        self._rest: Samples = np.zeros(0, np.float32)
        self._tail: Samples = np.zeros(_TAIL, np.float32)
        self._end: float | None = None

    def add(self, wave: Samples, offset: float) -> list[Block]:
        """The blocks that `wave`, (n,) at 16 kHz, whose first sample lies at `offset` seconds, has completed."""
        if self._end is not None and abs(offset - self._end) > GAP_SECONDS:
            self._rest = self._rest[:0]
            self._tail = np.zeros(_TAIL, np.float32)
        self._end = offset + len(wave) / SAMPLE_RATE
        start = offset - len(self._rest) / SAMPLE_RATE
        wave = np.concatenate([self._rest, wave]) if len(self._rest) else wave
        whole = len(wave) // BLOCK * BLOCK
        self._rest = wave[whole:].copy()
        return [self._block(wave[at : at + BLOCK], start + at / SAMPLE_RATE) for at in range(0, whole, BLOCK)]

    def _block(self, wave: Samples, offset: float) -> Block:
        extended = np.concatenate([self._tail, wave])
        self._tail = wave[-_TAIL:].copy()
        spectrum = np.fft.rfft(extended[_INDEX] * _HANN, axis=1)[:, : _WINDOW // 2]
        power = (spectrum.real**2 + spectrum.imag**2) * _POWER
        frames = wave.reshape(-1, FRAME)
        return Block(
            offset,
            wave,
            dbfs(np.einsum("ij,ij->i", frames, frames) / FRAME),
            np.add.reduceat(power, _BANDS, axis=1),
            # The mean of four is low-pass enough: what is left above 2 kHz folds down weakly and keeps its delays.
            wave.reshape(-1, 4).mean(axis=1),
        )


def dbfs(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean powers as dBFS; -120 for none."""
    return np.asarray(10.0 * np.log10(power + np.float32(1e-12)), np.float32)


def active_level(levels: NDArray[np.float32]) -> float:
    """The level of the active part of frames' levels (dBFS): the mean power of the frames less than 16 dB below it.

    After the margin of ITU-T P.56 (15.9 dB); it follows any gain exactly. Raises ValueError for no frames.
    """
    if not len(levels):
        raise ValueError("a level needs frames")
    power = 10.0 ** (levels.astype(np.float64) / 10.0)
    mean = power.mean()
    for _ in range(4):
        mean = power[power >= mean * 10**-1.6].mean()
    return float(10.0 * np.log10(mean))
