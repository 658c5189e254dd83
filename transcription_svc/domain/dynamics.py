"""How a stretch of speech sounded: level, rate, pitch range, and a label made of them. Plain numpy, no waiting.

These are heuristics, and all are relative to this speaker: the running median of the active level counts as -16 dBFS,
so that a microphone's gain makes nobody "soft". Rate counts syllable onsets, the rises of the energy envelope
(Mermelstein-like convex peaks in dB), divided by the language's syllables per word.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from chassis.pcm import SAMPLE_RATE, Samples


class Volume(Enum):
    """Calibrated level: loud above -10 dBFS, medium above -20, soft above -30, whisper."""

    WHISPER = 1
    SOFT = 2
    MEDIUM = 3
    LOUD = 4


class Rate(Enum):
    """Words per minute: very slow under 100, slow under 130, medium under 160, fast under 190, very fast."""

    VERY_SLOW = 1
    SLOW = 2
    MEDIUM = 3
    FAST = 4
    VERY_FAST = 5


class Emotion(Enum):
    """The labels that are told apart here."""

    NEUTRAL = 1
    CALM = 2
    EXCITED = 3
    SAD = 4


@dataclass(frozen=True, slots=True)
class Dynamics:
    """One segment's measure. `intensity` 0.0 to 1.0; `level` calibrated dBFS; `words_per_minute` 0 when unknown."""

    volume: Volume = Volume.MEDIUM
    rate: Rate = Rate.MEDIUM
    emotion: Emotion = Emotion.NEUTRAL
    intensity: float = 0.0
    level: float = -16.0
    words_per_minute: float = 0.0


NEUTRAL = Dynamics()

_REFERENCE_DBFS = -16.0
_FRAME = SAMPLE_RATE // 100  # 10 ms.
_FRAMES_PER_SECOND = 100
_ACTIVE_FLOOR_DBFS = -50.0
_ABOVE_NOISE_DB = 9.0
_ONSET_RISE_DB = 2.5
_ONSET_GAP_FRAMES = 10
_PITCH_RANGE_HZ = (70.0, 400.0)
_PITCH_RATE = 4_000
_PITCH_WINDOW = 160  # 40 ms at 4 kHz.

# Mean syllables per spoken word of running text, rounded: what turns a syllable rate into words per minute.
_SYLLABLES_PER_WORD = {
    "en": 1.5,
    "de": 1.8,
    "nl": 1.7,
    "fr": 1.6,
    "es": 2.1,
    "pt": 2.0,
    "it": 2.2,
    "ca": 1.9,
    "gl": 2.0,
}
_SYLLABLES_DEFAULT = 1.9


def volume_of(level: float) -> Volume:
    """The class of a calibrated level in dBFS."""
    if level > -10.0:
        return Volume.LOUD
    if level > -20.0:
        return Volume.MEDIUM
    return Volume.SOFT if level > -30.0 else Volume.WHISPER


def rate_of(words_per_minute: float) -> Rate:
    """The class of a speaking rate; 0 (unknown) is medium."""
    if words_per_minute == 0:
        return Rate.MEDIUM
    limits = ((100.0, Rate.VERY_SLOW), (130.0, Rate.SLOW), (160.0, Rate.MEDIUM), (190.0, Rate.FAST))
    return next((rate for limit, rate in limits if words_per_minute < limit), Rate.VERY_FAST)


class DynamicsMeter:
    """Follows one speaker. Feed it all audio; ask it about a span while that is younger than `keep_seconds`."""

    def __init__(self, language: str, keep_seconds: float = 60.0) -> None:
        self._syllables = _SYLLABLES_PER_WORD.get(language.split("-", 1)[0], _SYLLABLES_DEFAULT)
        self._chunks: deque[_Chunk] = deque()
        self._keep = keep_seconds
        self._rest: Samples = np.zeros(0, np.float32)
        self._levels: deque[float] = deque(maxlen=60)  # Active level of each second of speech: the last minute of it.
        self._second: list[float] = []
        self._pitches: deque[float] = deque(maxlen=600)
        self._rates: deque[float] = deque(maxlen=20)

    def add(self, wave: Samples, offset: float) -> None:
        """Measures samples, shape (n,), -1.0 to 1.0, 16 kHz, whose first one lies at `offset` seconds."""
        offset -= len(self._rest) / SAMPLE_RATE
        wave = np.concatenate([self._rest, wave]) if len(self._rest) else wave
        whole = len(wave) // _FRAME * _FRAME
        self._rest = wave[whole:].copy()
        if not whole:
            return
        frames = wave[:whole].reshape(-1, _FRAME)
        power = np.einsum("ij,ij->i", frames, frames) / _FRAME
        levels = 10.0 * np.log10(power + 1e-12)
        self._chunks.append(_Chunk(offset, levels.astype(np.float32), _pitches(wave[:whole], levels)))
        while self._chunks[0].offset < offset - self._keep:
            self._chunks.popleft()
        self._calibrate(levels)

    def measure(self, start: float, end: float) -> Dynamics:
        """The dynamics of the span from `start` to `end` seconds; NEUTRAL where there is no speech in it."""
        levels, pitches = self._span(start, end)
        active = levels[levels > self._threshold()]
        if len(active) < 10:
            return NEUTRAL
        level = _mean_dbfs(active) - self._baseline() + _REFERENCE_DBFS
        per_minute = self._words_per_minute(levels)
        if per_minute > 0:
            self._rates.append(per_minute)
        arousal = self._arousal(level, per_minute, pitches)
        return Dynamics(
            volume=volume_of(level),
            rate=rate_of(per_minute),
            emotion=_emotion(arousal, level, per_minute / (self._usual_rate() or 1.0)),
            intensity=min(abs(arousal), 1.0),
            level=level,
            words_per_minute=per_minute,
        )

    def _span(self, start: float, end: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        parts = [chunk for chunk in self._chunks if chunk.offset < end and chunk.end > start]
        if not parts:
            return np.zeros(0, np.float32), np.zeros(0, np.float32)
        levels = [chunk.between(start, end) for chunk in parts]
        return np.concatenate(levels), np.concatenate([chunk.pitches for chunk in parts])

    def _calibrate(self, levels: NDArray[np.float64]) -> None:
        self._second.extend(levels[levels > self._threshold()].tolist())
        if len(self._second) >= _FRAMES_PER_SECOND:
            self._levels.append(_mean_dbfs(np.array(self._second)))
            self._second.clear()

    def _baseline(self) -> float:
        """The speaker's own active level, dBFS."""
        if self._levels:
            return float(np.median(self._levels))
        return _mean_dbfs(np.array(self._second)) if self._second else _REFERENCE_DBFS

    def _threshold(self) -> float:
        """Above this a frame of 10 ms is speech: 9 dB over the noise floor of the last seconds."""
        recent = [chunk.levels for chunk in list(self._chunks)[-50:]]
        noise = float(np.percentile(np.concatenate(recent), 10)) if recent else _ACTIVE_FLOOR_DBFS
        return max(_ACTIVE_FLOOR_DBFS, min(noise, -35.0) + _ABOVE_NOISE_DB)

    def _words_per_minute(self, levels: NDArray[np.float32]) -> float:
        """Syllable onsets of the articulated stretch, as words per minute; 0 for less than half a second."""
        active = np.flatnonzero(levels > self._threshold())
        span = levels[active[0] : active[-1] + 1]
        if len(span) < _FRAMES_PER_SECOND // 2:
            return 0.0
        return onsets(span) / self._syllables / (len(span) / _FRAMES_PER_SECOND) * 60.0

    def _arousal(self, level: float, per_minute: float, pitches: NDArray[np.float32]) -> float:
        """-1 (subdued) to 1 (aroused): level, rate and pitch range against the speaker's own running values."""
        louder = (level - _REFERENCE_DBFS) / 8.0
        usual = self._usual_rate()
        # A word or two are too short to have a rate, which does not make them slow.
        faster = (per_minute / usual - 1.0) / 0.4 if usual > 0 and per_minute > 0 else 0.0
        wider = 0.0
        if len(pitches) >= 10 and len(self._pitches) >= 50:
            wider = (_semitones(pitches) - _semitones(np.array(self._pitches))) / 4.0
        self._pitches.extend(pitches.tolist())
        return float(np.clip(0.5 * louder + 0.25 * faster + 0.25 * wider, -1.0, 1.0))

    def _usual_rate(self) -> float:
        """The speaker's own rate, words per minute; 0 before the first."""
        return float(np.median(self._rates)) if self._rates else 0.0


def onsets(levels: NDArray[np.float32]) -> int:
    """Syllable onsets in 10 ms levels (dBFS): rises of 2.5 dB and more of the smoothed envelope, 100 ms apart."""
    smooth = np.convolve(levels, np.hanning(9) / np.hanning(9).sum(), mode="same")
    count, last, low = 0, -_ONSET_GAP_FRAMES, float(smooth[0])
    rising = False
    for index, level in enumerate(smooth.tolist()):
        if level < low:
            low, rising = level, False
        elif not rising and level - low >= _ONSET_RISE_DB and index - last >= _ONSET_GAP_FRAMES:
            count, last, rising = count + 1, index, True
        if rising:
            # Follow the peak, so that the next dip is measured from below it.
            low = max(low, level - 2 * _ONSET_RISE_DB)
            rising = level > low + _ONSET_RISE_DB
    return count


def _emotion(arousal: float, level: float, speed: float) -> Emotion:
    """`speed`: rate by the speaker's own; 0 when unknown."""
    if arousal > 0.35:
        return Emotion.EXCITED
    if arousal < -0.45 and 0 < speed < 0.85:
        return Emotion.SAD
    return Emotion.CALM if arousal < -0.3 or level < -22.0 else Emotion.NEUTRAL


@dataclass(frozen=True, slots=True)
class _Chunk:
    offset: float
    levels: NDArray[np.float32]
    pitches: NDArray[np.float32]

    @property
    def end(self) -> float:
        return self.offset + len(self.levels) / _FRAMES_PER_SECOND

    def between(self, start: float, end: float) -> NDArray[np.float32]:
        first = max(round((start - self.offset) * _FRAMES_PER_SECOND), 0)
        last = min(round((end - self.offset) * _FRAMES_PER_SECOND), len(self.levels))
        return self.levels[first:last]


def _pitches(wave: Samples, levels: NDArray[np.float64]) -> NDArray[np.float32]:
    """Fundamental frequencies (Hz) of the voiced 40 ms windows: peak of the autocorrelation, at 4 kHz."""
    low = wave[: len(wave) // 4 * 4].reshape(-1, 4).mean(axis=1)
    count = len(low) // _PITCH_WINDOW
    if count == 0 or levels.max() < _ACTIVE_FLOOR_DBFS:
        return np.zeros(0, np.float32)
    windows = low[: count * _PITCH_WINDOW].reshape(count, _PITCH_WINDOW)
    windows = windows - windows.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(windows, 2 * _PITCH_WINDOW, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :_PITCH_WINDOW]
    first, last = int(_PITCH_RATE / _PITCH_RANGE_HZ[1]), int(_PITCH_RATE / _PITCH_RANGE_HZ[0])
    lags = correlation[:, first:last].argmax(axis=1) + first
    strength = correlation[np.arange(count), lags] / (correlation[:, 0] + 1e-9)
    voiced = lags[(strength > 0.5) & (correlation[:, 0] > 1e-4)]
    return np.asarray(_PITCH_RATE / voiced, np.float32)


def _semitones(pitches: Sequence[float] | NDArray[np.float32]) -> float:
    """The range from the 10th to the 90th percentile."""
    low, high = np.percentile(np.asarray(pitches), [10, 90])
    return float(12.0 * np.log2(high / low))


def _mean_dbfs(levels: NDArray[np.float64] | NDArray[np.float32]) -> float:
    """The level of the mean power."""
    return float(10.0 * np.log10(np.mean(10.0 ** (levels / 10.0))))
