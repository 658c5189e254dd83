"""How a stretch of speech sounded: level, rate, pitch range, and a label made of them. Plain numpy, no waiting.

These are heuristics, and all but the rate are relative to this speaker: the median active level of the last minute of
speech counts as -16 dBFS, so that a microphone's gain makes nobody "soft". What counts as the speaker's is what
segments were cut from, not all that is audible: a recogniser has found words there. Rate counts syllables in the
sound, divided by the syllables of a word: the language's at first, soon this speaker's own, from the words recognised
in earlier segments.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from transcription_svc.domain.frames import BLOCK_SECONDS, FRAMES_PER_SECOND, LOW_RATE, Block, active_level
from transcription_svc.domain.syllables import syllable_rate


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
    """One segment's measure.

    `intensity` 0.0 to 1.0; `level` calibrated dBFS, at most 0; `words_per_minute` 0 when unknown, `rate` then the
    speaker's usual one.
    """

    volume: Volume = Volume.MEDIUM
    rate: Rate = Rate.MEDIUM
    emotion: Emotion = Emotion.NEUTRAL
    intensity: float = 0.0
    level: float = -16.0
    words_per_minute: float = 0.0


NEUTRAL = Dynamics()

_REFERENCE_DBFS: Final = -16.0
_AUDIBLE_DBFS: Final = -80.0
_LEAST_FRAMES: Final = 10  # Less than 100 ms of speech tells nothing.
_ACTIVE_DB: Final = 16.0  # As in `active_level`.
_NOISE_SECONDS: Final = 8.0
_ABOVE_NOISE_DB: Final = 4.0
_LEAST_CONTRAST_DB: Final = 6.0  # What never rests is no noise, but a voice without pauses.
_PITCH_RANGE_HZ: Final = (70.0, 400.0)
_PITCH_WINDOW: Final = LOW_RATE // 20  # 50 ms: two a block, three periods of the lowest voice.

# Mean syllables per word of running speech, rounded: what turns a syllable rate into words per minute. English, Spanish
# and French were compared with the transcripts of recordings (1.3 to 1.9, 2.2 and 1.7), Catalan, Italian and Portuguese
# with synthesised voices; the others are estimates.
_SYLLABLES_PER_WORD: Final = {
    "ca": 2.0,
    "de": 1.7,
    "en": 1.5,
    "es": 2.1,
    "fr": 1.75,
    "gl": 2.0,
    "id": 2.4,
    "it": 2.3,
    "nl": 1.6,
    "pl": 2.1,
    "pt": 2.1,
    "ru": 2.2,
    "sv": 1.7,
    "tr": 2.6,
    "uk": 2.2,
}
_SYLLABLES_DEFAULT: Final = 1.9
_USUAL_WORDS: Final = 30.0


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
        self._usual_syllables = _SYLLABLES_PER_WORD.get(language.split("-", 1)[0], _SYLLABLES_DEFAULT)
        self._texts: deque[tuple[float, int]] = deque(maxlen=40)  # Syllables and words of the last segments.
        self._heard: deque[_Heard] = deque()
        self._keep = keep_seconds
        self._learned = float("-inf")  # End of the last span that the speaker's own values were learned from.
        self._levels: deque[float] = deque(maxlen=60)  # Active level of each second of speech: the last minute of it.
        self._rates: deque[float] = deque(maxlen=20)
        self._pitches: deque[float] = deque(maxlen=600)

    def add(self, block: Block) -> None:
        """Keeps what a later measure needs; offsets never go back."""
        self._heard.append(_Heard(block.offset, block.levels, block.bands, _pitches(block)))
        while self._heard[0].offset < block.offset - self._keep:
            self._heard.popleft()

    def measure(self, start: float, end: float, words: int = 0) -> Dynamics:
        """The dynamics of the span from `start` to `end` seconds; NEUTRAL where there is no speech in it.

        `words`: how many were recognised in it, 0 when unknown; later spans are measured with that in mind. Measuring a
        span again, or an older one, leaves the speaker's own values as they are.
        """
        parts = [heard for heard in self._heard if heard.offset < end and heard.end > start]
        if not parts:
            return NEUTRAL
        levels = np.concatenate([part.levels[part.within(start, end)] for part in parts])
        audible = levels[levels > _AUDIBLE_DBFS]
        if len(audible) < _LEAST_FRAMES:
            return NEUTRAL
        threshold = self._threshold(active_level(audible), end)
        active = np.flatnonzero(levels > threshold)
        absolute = active_level(levels[active])
        bands = np.concatenate([part.bands[part.within(start, end)] for part in parts])
        syllables = _syllables(bands[active[0] : active[-1] + 1])
        per_minute = syllables * 60.0 / self._syllables_per_word()
        pitches = np.concatenate([part.pitches for part in parts])
        level = min(absolute - self._own_level(absolute) + _REFERENCE_DBFS, 0.0)
        arousal = self._arousal(level, per_minute, pitches)
        usual_rate = self._own_rate()
        speed = per_minute / (usual_rate or per_minute or 1.0)
        if end > self._learned:
            self._learn(levels[active], per_minute, pitches)
            self._read(syllables * (active[-1] + 1 - active[0]) / FRAMES_PER_SECOND, words)
            self._learned = end
        return Dynamics(
            volume=volume_of(level),
            # Who speaks fast says a word of half a second no slower.
            rate=rate_of(per_minute or usual_rate),
            emotion=_emotion(arousal, level, speed),
            intensity=min(abs(arousal), 1.0),
            level=level,
            words_per_minute=per_minute,
        )

    def _threshold(self, level: float, end: float) -> float:
        """What a frame of speech is above, dBFS: it is near the active level, and above the last seconds' noise."""
        recent = [heard.levels for heard in self._heard if end - _NOISE_SECONDS < heard.end <= end + BLOCK_SECONDS]
        noise = float(np.percentile(np.concatenate(recent), 5)) + _ABOVE_NOISE_DB if recent else _AUDIBLE_DBFS
        return max(level - _ACTIVE_DB, min(noise, level - _LEAST_CONTRAST_DB), _AUDIBLE_DBFS)

    def _syllables_per_word(self) -> float:
        """The language's own, which counts as some words of this speaker's, and then the speaker's."""
        counted = self._usual_syllables * _USUAL_WORDS + sum(syllables for syllables, _ in self._texts)
        return counted / (_USUAL_WORDS + sum(words for _, words in self._texts))

    def _learn(self, levels: NDArray[np.float32], per_minute: float, pitches: NDArray[np.float32]) -> None:
        # What is left of the last second counts as much as a whole one: short segments are speech, too.
        for at in range(0, len(levels), FRAMES_PER_SECOND):
            second = levels[at : at + FRAMES_PER_SECOND]
            if len(second) >= _LEAST_FRAMES:
                self._levels.append(active_level(second))
        if per_minute > 0:
            self._rates.append(per_minute)
        self._pitches.extend(pitches.tolist())

    def _read(self, syllables: float, words: int) -> None:
        # Where words are not written apart, or were not recognised, their number tells nothing.
        if words and 0.5 < syllables / words / self._usual_syllables < 2.0:
            self._texts.append((syllables, words))

    def _own_level(self, first: float) -> float:
        """The speaker's own active level, dBFS; `first` while nothing else is known."""
        return float(np.median(self._levels)) if self._levels else first

    def _own_rate(self) -> float:
        """The speaker's own rate, words per minute; 0 before the first."""
        return float(np.median(self._rates)) if self._rates else 0.0

    def _arousal(self, level: float, per_minute: float, pitches: NDArray[np.float32]) -> float:
        """-1 (subdued) to 1 (aroused): level, rate and pitch range against the speaker's own running values."""
        louder = (level - _REFERENCE_DBFS) / 8.0
        usual = self._own_rate()
        # A word or two are too short to have a rate, which does not make them slow.
        faster = (per_minute / usual - 1.0) / 0.4 if usual > 0 and per_minute > 0 else 0.0
        wider = 0.0
        if len(pitches) >= 10 and len(self._pitches) >= 50:
            wider = (_semitones(pitches) - _semitones(np.array(self._pitches))) / 4.0
        return float(np.clip(0.5 * louder + 0.25 * faster + 0.25 * wider, -1.0, 1.0))


def _emotion(arousal: float, level: float, speed: float) -> Emotion:
    """`speed`: rate by the speaker's own; 0 when unknown."""
    if arousal > 0.35:
        return Emotion.EXCITED
    if arousal < -0.45 and 0 < speed < 0.85:
        return Emotion.SAD
    return Emotion.CALM if arousal < -0.3 or level < -22.0 else Emotion.NEUTRAL


@dataclass(frozen=True, slots=True)
class _Heard:
    """What is kept of a block. Its pitches belong to it as a whole."""

    offset: float
    levels: NDArray[np.float32]
    bands: NDArray[np.float32]
    pitches: NDArray[np.float32]

    @property
    def end(self) -> float:
        return self.offset + len(self.levels) / FRAMES_PER_SECOND

    def within(self, start: float, end: float) -> slice:
        """The frames between two offsets."""
        first = max(round((start - self.offset) * FRAMES_PER_SECOND), 0)
        return slice(first, max(round((end - self.offset) * FRAMES_PER_SECOND), 0))


def _pitches(block: Block) -> NDArray[np.float32]:
    """Fundamental frequencies (Hz) of the voiced windows: peak of the autocorrelation, at 4 kHz."""
    if block.levels.max() < _AUDIBLE_DBFS:
        return np.zeros(0, np.float32)
    windows = block.low.reshape(-1, _PITCH_WINDOW)
    windows = windows - windows.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(windows, 2 * _PITCH_WINDOW, axis=1)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=1)
    first, last = int(LOW_RATE / _PITCH_RANGE_HZ[1]), int(LOW_RATE / _PITCH_RANGE_HZ[0])
    lags = correlation[:, first:last].argmax(axis=1) + first
    strength = correlation[np.arange(len(lags)), lags] / (correlation[:, 0] + 1e-9)
    return np.asarray(LOW_RATE / lags[strength > 0.5], np.float32)


def _syllables(bands: NDArray[np.float32]) -> float:
    """Syllables per second; 0 for less than half a second, which is too short to have a rate."""
    return syllable_rate(bands) if len(bands) >= FRAMES_PER_SECOND // 2 else 0.0


def _semitones(pitches: Sequence[float] | NDArray[np.float32]) -> float:
    """The range from the 10th to the 90th percentile."""
    low, high = np.percentile(np.asarray(pitches), [10, 90])
    return float(12.0 * np.log2(high / low))
