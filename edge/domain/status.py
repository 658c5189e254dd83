"""When the speaker is told how many listen, without asking."""

from collections.abc import Mapping
from typing import Literal

PERIOD = 30.0


class StatusPushes:
    """Decides the `updateReason` of the next unasked status, or that there is none.

    Told: a language that had no listener, a count that moved by more than a tenth since the last status, and every
    30 s. Any status, asked for or not, starts the 30 s anew.
    """

    def __init__(self, now: float, period: float = PERIOD) -> None:
        self._period = period
        self._told_at = now
        self._count = 0
        self._languages: frozenset[str] = frozenset()

    def receive(self, counts: Mapping[str, int]) -> Literal["newLanguage", "listenerCountChange"] | None:
        """The session's listeners by language changed."""
        if frozenset(counts) - self._languages:
            return "newLanguage"
        count = sum(counts.values())
        return "listenerCountChange" if abs(count - self._count) > 0.1 * self._count else None

    def tick(self, now: float) -> Literal["periodic"] | None:
        return "periodic" if now >= self.deadline() else None

    def deadline(self) -> float:
        return self._told_at + self._period

    def told(self, counts: Mapping[str, int], now: float) -> None:
        """A status with these counts was sent."""
        self._told_at = now
        self._count = sum(counts.values())
        self._languages = frozenset(counts)
