"""Where speech begins and ends, from the voice detector's windows. Pure: time is counted in windows heard.

Speech begins when several windows in a row sound like voice, and ends with 0.7 s without one; between the two
thresholds whatever was so far goes on, so that a soft syllable does not end a sentence. The levels of the windows are
kept for as long as their speech is: they tell where an utterance too long for the recogniser is best cut.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

WINDOW_SAMPLES: Final = 512
WINDOW: Final = 0.032
"""Seconds of one window, 512 samples at 16 kHz."""

VOICE: Final = 0.5
QUIET: Final = 0.35
ONSET: Final = 3
END_POINT: Final = 0.7
# The detector needs a moment to believe; the first consonant lies before.
PRE_ROLL: Final = 0.3
_REMEMBERED: Final = round(40.0 / WINDOW)


@dataclass(frozen=True, slots=True)
class Window:
    """One window as measured. `voice`: probability of speech, 0.0 to 1.0. `level`: dBFS."""

    voice: float
    level: float


@dataclass(slots=True)
class Speech:
    """A stretch of speech, in seconds from the first window. `ended`: the silence after it has lasted long enough."""

    start: float
    voiced_until: float
    ended: bool = False


class Endpointer:
    """Windows in; stretches of speech out. `heard`: seconds of windows so far."""

    def __init__(self) -> None:
        self.heard = 0.0
        self._count = 0
        self._onset = 0
        self._floor = 0.0
        self._current: Speech | None = None
        self._levels: deque[float] = deque(maxlen=_REMEMBERED)
        self._voiced: deque[bool] = deque(maxlen=_REMEMBERED)

    def hear(self, windows: Iterable[Window]) -> list[Speech]:
        """The stretches that began in `windows`. They, and one begun before, are updated in place as they go on."""
        return [speech for window in windows if (speech := self._hear(window)) is not None]

    def _hear(self, window: Window) -> Speech | None:
        began = self.heard
        self._count += 1
        self.heard = self._count * WINDOW
        self._levels.append(window.level)
        self._voiced.append(window.voice >= VOICE)
        if self._current is None:
            return self._begin(window)
        if window.voice >= QUIET:
            self._current.voiced_until = self.heard
        elif began - self._current.voiced_until >= END_POINT - 1.5 * WINDOW:
            self._end()
        return None

    def _begin(self, window: Window) -> Speech | None:
        self._onset = self._onset + 1 if window.voice >= VOICE else 0
        if self._onset < ONSET:
            return None
        start = max(self._floor, self.heard - ONSET * WINDOW - PRE_ROLL)
        self._current = Speech(start, self.heard)
        self._onset = 0
        return self._current

    def _end(self) -> None:
        if self._current is not None:
            self._current.ended = True
            self._floor = self._current.voiced_until
            self._current = None

    def finish(self) -> None:
        """No more windows: speech still going on ends here."""
        self._end()

    def quietest(self, start: float, end: float) -> float:
        """The middle of the quietest window from `start` to `end`, which lie in the last 40 s."""
        windows = self._between(start, end)
        if not windows:
            return (start + end) / 2
        oldest = self._count - len(self._levels)
        index = min(windows, key=self._levels.__getitem__)
        return min(max((oldest + index + 0.5) * WINDOW, start), end)

    def voiced(self, start: float, end: float) -> float:
        """Seconds of voice from `start` to `end`, which lie in the last 40 s."""
        return sum(self._voiced[index] for index in self._between(start, end)) * WINDOW

    def _between(self, start: float, end: float) -> range:
        """Indices into what is remembered of the windows from `start` to `end`."""
        oldest = self._count - len(self._levels)
        return range(max(0, int(start / WINDOW) - oldest), min(len(self._levels), int(end / WINDOW) + 1 - oldest))
