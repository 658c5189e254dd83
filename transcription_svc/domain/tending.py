"""How long one stays with a stream, and with an engine: tries, stalls, age. Pure; `now` is monotonic seconds."""

import math
from dataclasses import dataclass
from typing import Final

from transcription_svc.domain.hypothesis import Hypothesis

# Before the first, second and third try to go on. With the time to open a stream thrice, less than 5 s.
WAITS_SECONDS: Final = (0.1, 0.4, 0.9)
# A stream that lived so long works: its loss is the first of a new row.
STEADY_SECONDS: Final = 10.0
# An engine that owes news of words it believes says something sooner, on the slowest machine.
STALLED_SECONDS: Final = 20.0
# Without words for so long after a final, the speaker is between two sentences, whatever the marks say.
BREATH_SECONDS: Final = 0.5
# Shares of the age that a stream can reach: when it is replaced at the next rest, and when wherever the speech is.
AGEING: Final = 0.9
WORN: Final = 0.98
_SENTENCE_MARKS: Final = (".", "?", "!", "…", "。", "？", "！", "।", "؟")
_CLOSING: Final = "\"'”’»)]"


class Tries:
    """How often in a row an engine is tried again after a loss."""

    def __init__(self, waits: tuple[float, ...] = WAITS_SECONDS) -> None:
        self._waits = waits
        self._failures = 0

    def worked(self) -> None:
        """It finished something, or another engine has its turn: the next loss is the first again."""
        self._failures = 0

    def failed(self) -> float | None:
        """It was lost: seconds to wait before the next try; None when it was tried often enough."""
        self._failures += 1
        return self._waits[self._failures - 1] if self._failures <= len(self._waits) else None


@dataclass(slots=True)
class Tending:
    """One stream, from `opened` on. `limit_seconds`: the age that its engine allows.

    `owed`: words were believed, of audio that this stream hears too, and are not final.
    """

    opened: float
    limit_seconds: float = math.inf
    owed: bool = False
    spoke: bool = False  # Anything at all.
    finals: int = 0
    given_seconds: float = 0.0
    _news_at: float = -math.inf
    _mid_sentence: bool = False

    def given(self, seconds: float, now: float, *, again: bool) -> None:
        """It got audio; `again`: as fast as it takes it, because it was heard before."""
        self.given_seconds += seconds
        if again:
            self._news_at = now

    def told(self, hypothesis: Hypothesis, now: float) -> None:
        """It believes something new."""
        self.spoke = True
        self._news_at = now
        self.owed = bool(hypothesis.words) and not hypothesis.is_final
        self.finals += hypothesis.is_final
        if hypothesis.words:
            self._mid_sentence = not hypothesis.words[-1].text.rstrip(_CLOSING).endswith(_SENTENCE_MARKS)

    def steady(self, now: float) -> bool:
        """Whether it has lived long enough to be trusted."""
        return now - self.opened >= STEADY_SECONDS

    def deadline(self) -> float | None:
        """When it has stalled, unless it says something before."""
        return max(self._news_at, self.opened) + STALLED_SECONDS if self.owed else None

    def stalled(self, now: float) -> bool:
        """Whether it owes news for too long."""
        deadline = self.deadline()
        return deadline is not None and now >= deadline

    def at_rest(self, now: float) -> bool:
        """Whether the speaker is between two sentences, as far as this stream knows."""
        return not self.owed and (not self._mid_sentence or now - self._news_at >= BREATH_SECONDS)

    def is_over(self, now: float) -> bool:
        """Whether another stream should take its place now, because of its age."""
        age = max(self.given_seconds, now - self.opened)
        return age >= WORN * self.limit_seconds or (age >= AGEING * self.limit_seconds and self.at_rest(now))
