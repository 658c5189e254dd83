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
# The same whether the voice's level is known or not. Voices that are streamed have no noise of their own.
_SILENCE_POWER: Final = 10 ** (-60.0 / 10)
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
        self._begun = False  # The first word of this passage is there.

    def push(self, wave: Samples) -> bytes:
        """What can leave, as s16le; may be empty."""
        self._held = np.concatenate([self._held, wave])
        self._begin()
        if self._level is None:
            if self._held.size < _LEARNING:
                return b""
            self._measure(self._held[:_LEARNING])
        return self._released(self._spoken_until())

    def finish(self) -> bytes:
        """The rest. The next block begins a new passage of the same cue."""
        if self._level is None:
            self._measure(self._held)
        end = min(self._spoken_until() + _MARGIN_AFTER, self._held.size)
        rest = self._released(end if self._begun else 0)
        self._held = self._held[:0]
        self._begun = False
        return rest

    def _begin(self) -> None:
        """Cuts silence before the first word. Whole frames go: the same audio in other blocks gives the same."""
        if self._begun:
            return
        loud = _loud(self._held)
        self._begun = loud.size > 0
        silent = int(loud[0]) * _FRAME if self._begun else self._held.size // _FRAME * _FRAME
        self._held = self._held[max(silent - _MARGIN_BEFORE, 0) :]

    def _measure(self, wave: Samples) -> None:
        self._level = active_dbfs(wave)
        if self._level is not None and wave.size >= _LEARNING:
            self._levels.learn(self._key, self._level)

    def _spoken_until(self) -> int:
        """Samples up to the end of the last frame that is not silent; 0 when all is. A frame's beginning waits."""
        loud = _loud(self._held)
        return (int(loud[-1]) + 1) * _FRAME if loud.size else 0

    def _released(self, end: int) -> bytes:
        if not end or self._level is None:
            return b""
        wave, self._held = self._held[:end], self._held[end:]
        gain_db = min(self._wanted_dbfs - self._level, _LARGEST_GAIN_DB)
        return to_bytes(limited(wave * np.float32(10 ** (gain_db / 20))))


def _loud(wave: Samples) -> NDArray[np.intp]:
    """The whole frames that are not silent."""
    return np.flatnonzero(frame_power(wave[: wave.size // _FRAME * _FRAME]) > _SILENCE_POWER)
