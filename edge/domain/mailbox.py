"""What waits for one socket, and what goes when it does not keep up."""

from collections import deque
from dataclasses import dataclass, replace
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")


class Kind(Enum):
    """How a parcel may be treated."""

    MESSAGE = "message"  # Never dropped, never replaced.
    CAPTION = "caption"  # Replaced by a newer one with the same key.
    SOURCE_CAPTION = "source_caption"  # The same, but of no language that could be changed.
    CUE_START = "cue_start"
    CUE_AUDIO = "cue_audio"
    CUE_END = "cue_end"


class _Fate(Enum):
    """Of the cue that is arriving."""

    TAKEN = "taken"
    CUT = "cut"  # The socket has its start: the end is taken, further audio is not.
    GONE = "gone"  # Nothing more of it is taken.


_CUE = (Kind.CUE_START, Kind.CUE_AUDIO, Kind.CUE_END)


@dataclass(frozen=True, slots=True)
class Parcel(Generic[T]):
    """Something for a socket. `key`: the segment of a caption, the cue of the others. `seconds`: of audio inside."""

    kind: Kind
    content: T
    key: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Dropped:
    """Audio that this socket will not get."""

    cues: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """A cue under way that ends here, or may: `seconds` of it were delivered."""

    cue_id: str
    seconds: float


class Mailbox(Generic[T]):
    """The bounded queue of one socket.

    Audio: at most `limit_seconds` wait; beyond it the oldest cue that has not begun goes whole, and only if there is
    none the rest of the cue under way. Captions: a newer one takes the place of its elder; beyond `limit_captions`
    the oldest goes. Messages are never dropped: beyond `limit_messages` `overflowed` turns true, and the socket is to
    be closed. Audio of a cue whose start was not put is not taken: nobody joins in mid-word. `under_way`: the cue whose
    start went before.
    """

    def __init__(
        self,
        limit_seconds: float = 10.0,
        limit_captions: int = 100,
        limit_messages: int = 500,
        *,
        under_way: Cut | None = None,
    ) -> None:
        self._limit_seconds = limit_seconds
        self._limit_captions = limit_captions
        self._limit_messages = limit_messages
        self._parcels: deque[Parcel[T]] = deque()
        # The cue that began to arrive and has not ended.
        self._arriving: str | None = None if under_way is None else under_way.cue_id
        self._fate = _Fate.TAKEN
        # The cue whose start was taken and whose end was not.
        self._current: str | None = None if under_way is None else under_way.cue_id
        self._current_seconds = 0.0 if under_way is None else under_way.seconds
        self._dropped = Dropped(0, 0.0)
        self._count = {Kind.MESSAGE: 0, Kind.CAPTION: 0, Kind.SOURCE_CAPTION: 0}
        self.seconds = 0.0
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._parcels)

    @property
    def cutting(self) -> bool:
        """The rest of a cue is still to be kept from coming."""
        return self._fate is not _Fate.TAKEN

    def put(self, parcel: Parcel[T]) -> None:
        match parcel.kind:
            case Kind.MESSAGE:
                self._append_counted(parcel)
                self.overflowed = self.overflowed or self._count[Kind.MESSAGE] > self._limit_messages
            case Kind.CAPTION | Kind.SOURCE_CAPTION:
                self._put_caption(parcel)
            case _:
                self._put_cue(parcel)

    def take(self) -> Parcel[T] | Dropped | None:
        """The next thing to send; what was dropped is told first, once all of it has come."""
        if self._dropped.cues and not self.cutting:
            told, self._dropped = self._dropped, Dropped(0, 0.0)
            return told
        if not self._parcels:
            return None
        parcel = self._parcels.popleft()
        self.seconds -= parcel.seconds
        if parcel.kind in self._count:
            self._count[parcel.kind] -= 1
        elif parcel.kind is Kind.CUE_START:
            self._current, self._current_seconds = parcel.key, 0.0
        elif parcel.kind is Kind.CUE_AUDIO:
            self._current_seconds += parcel.seconds
        else:
            self._current = None
        return parcel

    def change_feed(self) -> Cut | None:
        """Forgets captions and cues that wait; messages and the source stay. Returns the cue that this cuts short."""
        stay = (Kind.MESSAGE, Kind.SOURCE_CAPTION)
        self._parcels = deque(parcel for parcel in self._parcels if parcel.kind in stay)
        self._count[Kind.CAPTION] = 0
        self._arriving, self._fate = None, _Fate.TAKEN
        self.seconds = 0.0
        cut = None if self._current is None else Cut(self._current, self._current_seconds)
        self._current = None
        return cut

    def _put_caption(self, parcel: Parcel[T]) -> None:
        for place, waiting in enumerate(self._parcels):
            if waiting.kind is parcel.kind and waiting.key == parcel.key:
                self._parcels[place] = parcel
                return
        self._append_counted(parcel)
        if self._count[parcel.kind] > self._limit_captions:
            self._parcels.remove(next(waiting for waiting in self._parcels if waiting.kind is parcel.kind))
            self._count[parcel.kind] -= 1

    def _append_counted(self, parcel: Parcel[T]) -> None:
        self._parcels.append(parcel)
        self._count[parcel.kind] += 1

    def _put_cue(self, parcel: Parcel[T]) -> None:
        if parcel.kind is Kind.CUE_START:
            # One before it that has no end, as when its stream broke, gets none.
            self._arriving, self._fate = parcel.key, _Fate.TAKEN
        elif parcel.key != self._arriving:
            return
        fate = self._fate
        if parcel.kind is Kind.CUE_END:
            self._arriving, self._fate = None, _Fate.TAKEN
        if fate is _Fate.GONE or (fate is _Fate.CUT and parcel.kind is Kind.CUE_AUDIO):
            self._count_dropped(0, parcel.seconds)
            return
        self._parcels.append(parcel)
        self.seconds += parcel.seconds
        while self.seconds > self._limit_seconds + 1e-6:
            self._drop_one()

    def _drop_one(self) -> None:
        waiting = (parcel.key for parcel in self._parcels if parcel.kind is Kind.CUE_START)
        oldest = next(waiting, None)
        if oldest is None:
            self._cut_current()
            return
        gone = [p for p in self._parcels if p.key == oldest and p.kind in _CUE]
        self._forget(gone)
        if oldest == self._arriving:
            self._fate = _Fate.GONE
        self._count_dropped(1, sum(parcel.seconds for parcel in gone))

    def _cut_current(self) -> None:
        gone = [parcel for parcel in self._parcels if parcel.kind is Kind.CUE_AUDIO]
        self._forget(gone)
        if self._current is not None and self._current == self._arriving:
            self._fate = _Fate.CUT
        self._count_dropped(1, sum(parcel.seconds for parcel in gone))

    def _forget(self, gone: list[Parcel[T]]) -> None:
        ids = {id(parcel) for parcel in gone}
        self._parcels = deque(parcel for parcel in self._parcels if id(parcel) not in ids)
        self.seconds = max(0.0, self.seconds - sum(parcel.seconds for parcel in gone))

    def _count_dropped(self, cues: int, seconds: float) -> None:
        self._dropped = replace(self._dropped, cues=self._dropped.cues + cues, seconds=self._dropped.seconds + seconds)
