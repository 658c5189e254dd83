"""A feed as one unbroken line of sound: cues in order as they come, silence where there is none. Pure.

There is no time in here: whoever takes sets the pace, and what is not taken waits, up to a limit.
"""

from collections import deque
from dataclasses import dataclass, field

_BYTES = 2
"""Of a sample."""


@dataclass(slots=True)
class _Cue:
    cue_id: str
    pieces: deque[bytes] = field(default_factory=deque)
    size: int = 0  # Of the pieces, bytes.
    whole: bool = False  # Nothing more is taken of it.
    flowing: bool = False  # It plays, and has not run dry since it began to.

    def forget(self) -> int:
        gone, self.size = self.size, 0
        self.pieces.clear()
        return gone


class Timeline:
    """s16le mono at `rate`.

    A cue begins, or goes on after it ran dry, when `cushion_seconds` of it wait or all of it. At most `limit_seconds`
    wait: beyond, the oldest cue that has not begun goes whole, and where there is no other the rest of the first.
    Audio of a cue whose beginning did not come is not taken: nobody joins in mid-word.
    """

    def __init__(self, rate: int, limit_seconds: float = 15.0, cushion_seconds: float = 0.4) -> None:
        self._rate = rate
        self._limit = round(limit_seconds * rate) * _BYTES
        self._cushion = round(cushion_seconds * rate) * _BYTES
        self._cues: deque[_Cue] = deque()

    @property
    def idle(self) -> bool:
        """Nothing waits, and no cue is under way."""
        return not self._cues

    @property
    def seconds(self) -> float:
        """What waits."""
        return sum(cue.size for cue in self._cues) / _BYTES / self._rate

    def begin(self, cue_id: str) -> None:
        """A cue follows; the one before has all it will get."""
        if self._cues:
            self._cues[-1].whole = True
        self._cues.append(_Cue(cue_id))

    def add(self, cue_id: str, audio: bytes) -> float:
        """Audio of the cue begun last. Returns how many seconds had to go for it."""
        cue = self._cues[-1] if self._cues else None
        if cue is None or cue.cue_id != cue_id or cue.whole:
            return 0.0
        cue.pieces.append(audio)
        cue.size += len(audio)
        gone = 0
        while sum(waiting.size for waiting in self._cues) > self._limit:
            gone += self._drop()
        return gone / _BYTES / self._rate

    def end(self, cue_id: str) -> None:
        """It is complete."""
        if self._cues and self._cues[-1].cue_id == cue_id:
            self._cues[-1].whole = True

    def finish(self) -> None:
        """Nothing more comes."""
        if self._cues:
            self._cues[-1].whole = True

    def take(self, samples: int) -> bytes:
        """The next of the line, so long exactly."""
        size = samples * _BYTES
        line = bytearray()
        while len(line) < size and (cue := self._playing()) is not None:
            piece, room = cue.pieces.popleft(), size - len(line)
            if len(piece) > room:
                cue.pieces.appendleft(piece[room:])
            cue.size -= min(len(piece), room)
            line += piece[:room]
        self._playing()
        return bytes(line) + bytes(size - len(line))

    def _playing(self) -> _Cue | None:
        """The cue whose audio is next; None for silence."""
        while self._cues and self._cues[0].whole and not self._cues[0].pieces:
            self._cues.popleft()
        if not self._cues:
            return None
        cue = self._cues[0]
        cue.flowing = bool(cue.pieces) and (cue.flowing or cue.whole or cue.size >= self._cushion)
        return cue if cue.flowing else None

    def _drop(self) -> int:
        first = self._cues[0]
        if not first.flowing and len(self._cues) > 1:
            self._cues.popleft()
            return first.forget()
        if len(self._cues) > 1:
            second = self._cues[1]
            del self._cues[1]
            return second.forget()
        first.whole = True
        return first.forget()
