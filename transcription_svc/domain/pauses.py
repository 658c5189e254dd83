"""What an engine hears while the speaker's audio stays away (a pause, a mute, a lost network). Pure.

First silence, in steps as long as real time takes, until any engine has ended the utterance; then only as much as keeps
an engine from ending the stream; after a minute nothing: the stream is closed.
"""

from dataclasses import dataclass
from typing import Final

IDLE_SECONDS: Final = 60.0
# Longer than any network's jitter; shorter than a listener's patience.
MISSING_SECONDS: Final = 0.5
SILENCE_STEP_SECONDS: Final = 0.1
# More than the end-point of any engine, which is 0.7 s.
SILENCE_SECONDS: Final = 1.2
_EPSILON: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Silence:
    """So many seconds of it are to be heard."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing has come for so long that nobody need listen."""


class Pauses:
    """One speaker's. `keep_alive_seconds`: how often an engine must hear something. `now`: monotonic seconds."""

    def __init__(self, keep_alive_seconds: float) -> None:
        self._keep_alive = keep_alive_seconds
        self._audio_at: float | None = None  # None: nothing yet, or idle.
        self._silence_at = 0.0
        self._added = 0.0

    def heard(self, now: float) -> None:
        """Audio came."""
        self._audio_at = self._silence_at = now
        self._added = 0.0

    def paused(self, now: float) -> Silence | None:
        """The speaker said that none will come: the utterance may end at once."""
        if self._audio_at is None or self._ended:
            return None
        self._silence_at = now
        self._added += SILENCE_SECONDS
        return Silence(SILENCE_SECONDS)

    def tick(self, now: float) -> Silence | Idle | None:
        """Does what is due."""
        deadline = self.deadline()
        if self._audio_at is None or deadline is None or now < deadline:
            return None
        if now >= self._audio_at + IDLE_SECONDS:
            self._audio_at = None
            return Idle()
        self._silence_at = now
        self._added += SILENCE_STEP_SECONDS
        return Silence(SILENCE_STEP_SECONDS)

    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        if self._audio_at is None:
            return None
        if self._ended:
            return min(self._audio_at + IDLE_SECONDS, self._silence_at + self._keep_alive)
        return max(self._audio_at + MISSING_SECONDS, self._silence_at + SILENCE_STEP_SECONDS)

    @property
    def _ended(self) -> bool:
        return self._added >= SILENCE_SECONDS - _EPSILON
