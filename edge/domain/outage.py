"""When the speaker is told that recognition is away, and that it is back. Pure; `now` is monotonic seconds.

A loss is told when it lasts. A new stream ends it by bringing words or by lasting itself: streams that are opened again
and again, and break each time, are one loss.
"""

from enum import Enum
from typing import Final

PROVEN_SECONDS: Final = 1.0
"""A stream that lasts for so long works."""


class News(Enum):
    """What the speaker is told."""

    LOST = "lost"
    RECOVERED = "recovered"


class Outage:
    """One broadcast's. `tell_after`: how long a loss may last untold, seconds.

    Where there was no stream yet, that is a loss, too.
    """

    def __init__(self, tell_after: float) -> None:
        self._tell_after = tell_after
        self._since: float | None = None  # None: it works.
        self._began: float | None = None  # The stream that is to end the loss.
        self._told = False

    def lost(self, now: float) -> None:
        """The stream broke, or could not be opened."""
        self._began = None
        if self._since is None:
            self._since = now

    def began(self, now: float) -> None:
        """Another stream was opened."""
        if self._since is not None:
            self._began = now

    def works(self) -> News | None:
        """It brought words."""
        told, self._told = self._told, False
        self._since = self._began = None
        return News.RECOVERED if told else None

    def deadline(self) -> float | None:
        """When `tick` has something to say; None while nothing is to be waited for."""
        if self._began is not None:
            return self._began + PROVEN_SECONDS
        return None if self._since is None or self._told else self._since + self._tell_after

    def tick(self, now: float) -> News | None:
        """What is to be told now."""
        due = self.deadline()
        if due is None or now < due:
            return None
        if self._began is not None:
            return self.works()
        self._told = True
        return News.LOST
