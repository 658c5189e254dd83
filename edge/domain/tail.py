"""The last seconds of a feed, for a listener who comes back: what it missed is sent again, cues whole."""

from collections import deque
from dataclasses import dataclass

from edge.domain.feed import BusEvent, Caption, CueAudio, CueEnded, CueStarted


@dataclass(slots=True)
class _Kept:
    """A cue with its audio, or (`cue_id` empty) a final caption."""

    cue_id: str
    events: list[BusEvent]
    seconds: float = 0.0


class Tail:
    """Cues and final captions in the order they were published.

    Holds at most `limit_seconds` of audio and `limit_captions` captions. Full: the oldest goes, a cue as a whole; the
    cue under way stays.
    """

    def __init__(self, limit_seconds: float = 10.0, limit_captions: int = 20) -> None:
        self._limit_seconds = limit_seconds
        self._limit_captions = limit_captions
        self._kept: deque[_Kept] = deque()
        self._open: _Kept | None = None

    @property
    def seconds(self) -> float:
        """How much audio is kept."""
        return sum(kept.seconds for kept in self._kept)

    def put(self, event: BusEvent) -> None:
        """Takes note of what was published."""
        match event:
            case CueStarted():
                self._open = _Kept(event.cue_id, [event])
                self._kept.append(self._open)
            case CueAudio() if self._open is not None and self._open.cue_id == event.cue_id:
                self._open.events.append(event)
                self._open.seconds += event.seconds
            case CueEnded() if self._open is not None and self._open.cue_id == event.cue_id:
                self._open.events.append(event)
                self._open = None
            case Caption(is_final=True):
                self._kept.append(_Kept("", [event]))
        self._shed()

    @property
    def under_way(self) -> tuple[CueStarted, float] | None:
        """The cue that has begun and not ended, and how many seconds of it there are."""
        if self._open is None:
            return None
        start = self._open.events[0]
        assert isinstance(start, CueStarted)
        return start, self._open.seconds

    def knows(self, cue_id: str) -> bool:
        """Whether what followed that cue is here. The empty one, which nobody has heard, is known everywhere."""
        return not cue_id or any(kept.cue_id == cue_id for kept in self._kept)

    def after(self, last_cue: str) -> list[BusEvent]:
        """What followed the cue `last_cue`, and that one too while it goes on; everything when it is not known here."""
        kept = list(self._kept)
        known = [place for place, entry in enumerate(kept) if entry.cue_id and entry.cue_id == last_cue]
        first = known[-1] + (kept[known[-1]] is not self._open) if known else 0
        return [event for entry in kept[first:] for event in entry.events]

    def _shed(self) -> None:
        # A hair of tolerance: sums of floats are not exact.
        while self.seconds > self._limit_seconds + 1e-6 or self._captions() > self._limit_captions:
            # A cue whose end never comes, for its stream broke, keeps its place and nothing else.
            oldest = 1 if self._kept[0] is self._open else 0
            if oldest == len(self._kept):
                return
            del self._kept[oldest]

    def _captions(self) -> int:
        return sum(not kept.cue_id for kept in self._kept)
