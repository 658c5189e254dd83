"""Where a recogniser's time meets the session's and the clock's.

A recogniser counts the samples it was given. Those are not the session's time: audio is missing while the speaker
pauses, and silence is added to close an utterance. Each run of audio therefore leaves an anchor.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Anchor:
    """One run of audio: where it lies in the stream, in the session and on the clock. All seconds.

    `arrived`: monotonic time at which its last sample was received. `received_at`: the same on the wall clock.
    """

    stream_start: float
    offset: float
    seconds: float
    arrived: float
    received_at: float


_stream_start: Callable[[Anchor], float] = attrgetter("stream_start")
_offset: Callable[[Anchor], float] = attrgetter("offset")
_EPSILON = 1e-9


class Timeline:
    """The last minutes of a stream; older questions are answered from the oldest anchor kept."""

    def __init__(self, keep_seconds: float = 120.0) -> None:
        self._keep = keep_seconds
        self._anchors: list[Anchor] = []

    def add(self, anchor: Anchor) -> None:
        """Appends a run; stream time and offsets never go back. Runs that are too old are forgotten."""
        self._anchors.append(anchor)
        if self._anchors[0].stream_start < anchor.stream_start - 2 * self._keep:
            del self._anchors[: bisect_right(self._anchors, anchor.stream_start - self._keep, key=_stream_start)]

    def offset(self, stream_seconds: float) -> float:
        """The session's offset of a moment of the stream. Added silence belongs to the audio before it."""
        anchor = self._at(_stream_start, stream_seconds)
        if anchor is None:
            return stream_seconds
        return _within(anchor, stream_seconds)

    def onset(self, stream_seconds: float) -> float:
        """As `offset`, of a moment at which something begins: where two runs meet it belongs to the later one.

        So does a beginning in added silence, once audio has followed it: nothing begins where nobody spoke, and a word
        must not seem to last through the whole pause before it.
        """
        if not self._anchors:
            return stream_seconds
        index = self._index(_stream_start, stream_seconds + _EPSILON)
        while self._anchors[index].seconds == 0 and index + 1 < len(self._anchors):
            index += 1
        return _within(self._anchors[index], stream_seconds)

    def arrived(self, offset: float) -> float | None:
        """When, on the monotonic clock, the sample at `offset` had been received; None before the first."""
        anchor = self._at(_offset, offset)
        return None if anchor is None else anchor.arrived

    def received_at(self, offset: float) -> float | None:
        """As `arrived`, on the wall clock, of something that begins there."""
        if not self._anchors:
            return None
        return self._anchors[self._index(_offset, offset + _EPSILON)].received_at

    def _at(self, start: Callable[[Anchor], float], moment: float) -> Anchor | None:
        if not self._anchors:
            return None
        # A moment that is exactly a start belongs to the run before it: it is that run's end.
        return self._anchors[self._index(start, moment - _EPSILON)]

    def _index(self, start: Callable[[Anchor], float], moment: float) -> int:
        return max(bisect_right(self._anchors, moment, key=start) - 1, 0)


def _within(anchor: Anchor, stream_seconds: float) -> float:
    return anchor.offset + min(max(stream_seconds - anchor.stream_start, 0.0), anchor.seconds)
