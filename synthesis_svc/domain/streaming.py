"""What is done to a voice that is still being made: `sound` for audio of which nobody has the end yet.

A voice's own level is learned once, from its first second; after that its audio passes as it comes. Only silence is
held back, until speech follows it or the end shows that none does.
"""

from collections.abc import Hashable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chassis.pcm import SAMPLE_RATE, Samples, to_bytes
from synthesis_svc.domain.sound import ACTIVE_DBFS, active_dbfs, frame_power, limited

_FRAME: Final = SAMPLE_RATE // 100
_MARGIN_BEFORE: Final = SAMPLE_RATE * 30 // 1000
_MARGIN_AFTER: Final = SAMPLE_RATE * 60 // 1000
# From how much speech a level is believed.
_LEARNING: Final = SAMPLE_RATE
# What is quieter than speech by this much is silence; of a voice not heard before, what is quieter than this.
_SILENCE_DB: Final = 38.0
_SILENCE_DBFS: Final = -60.0
_LARGEST_GAIN_DB: Final = 24.0


class Levels:
    """The level, in dBFS, at which each voice comes from its engine, once it is known. Keys: what the level depends on,
    such as voice and volume asked for; at most `most`, then it forgets and learns anew."""

    def __init__(self, most: int = 4096) -> None:
        self._known: dict[Hashable, float] = {}
        self._most = most

    def known(self, key: Hashable) -> float | None:
        """None while it is not known."""
        return self._known.get(key)

    def learn(self, key: Hashable, dbfs: float) -> None:
        """The first one heard is kept, so that the same text sounds the same again."""
        if len(self._known) >= self._most:
            self._known.clear()
        self._known.setdefault(key, dbfs)


class Polish:
    """One cue's audio, 16 kHz, block by block: silence at its ends goes (but for 30 and 60 ms), its level becomes
    that of all voices, nothing clips."""

    def __init__(self, levels: Levels, key: Hashable, gain_db: float) -> None:
        self._levels = levels
        self._key = key
        self._wanted_dbfs = ACTIVE_DBFS + gain_db
        self._level = levels.known(key)
        self._held = np.zeros(0, np.float32)
        self._begun = False

    def push(self, wave: Samples) -> bytes:
        """What can leave, as s16le; may be empty."""
        self._held = np.concatenate([self._held, wave])
        if self._level is None:
            if self._held.size < _LEARNING + _MARGIN_BEFORE:
                return b""
            self._measure()
        return self._released(self._spoken_until())

    def finish(self) -> bytes:
        """The rest. The next block begins a new passage of the same cue."""
        if self._level is None:
            self._measure()
        spoken = self._spoken_until()
        rest = self._released(min(spoken + _MARGIN_AFTER, self._held.size) if spoken else 0)
        self._held = self._held[:0]
        self._begun = False
        return rest

    def _measure(self) -> None:
        level = active_dbfs(self._held)
        if level is None:
            return
        self._level = level
        if self._held.size >= _LEARNING:
            self._levels.learn(self._key, level)

    def _spoken_until(self) -> int:
        """Samples up to the end of the last frame that is not silent; 0 when all is. Half a frame waits."""
        return (int(loud[-1]) + 1) * _FRAME if (loud := self._loud()).size else 0

    def _loud(self) -> NDArray[np.intp]:
        """The frames that are not silent."""
        silent_dbfs = _SILENCE_DBFS if self._level is None else max(self._level - _SILENCE_DB, _SILENCE_DBFS)
        whole = self._held[: self._held.size // _FRAME * _FRAME]
        return np.flatnonzero(frame_power(whole) > 10 ** (silent_dbfs / 10))

    def _released(self, end: int) -> bytes:
        if not end or self._level is None:
            # Of silence before the first word no more is kept than what the word will need; whole frames go, so that
            # the same audio in other blocks gives the same.
            if not self._begun:
                needless = max(self._held.size - _MARGIN_BEFORE - _FRAME, 0)
                self._held = self._held[needless // _FRAME * _FRAME :]
            return b""
        start = 0
        if not self._begun:
            start = max(int(self._loud()[0]) * _FRAME - _MARGIN_BEFORE, 0)
            self._begun = True
        wave, self._held = self._held[start:end], self._held[end:]
        gain_db = min(self._wanted_dbfs - self._level, _LARGEST_GAIN_DB)
        return to_bytes(limited(wave * np.float32(10 ** (gain_db / 20))))
