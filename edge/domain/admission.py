"""What a socket may send: how much, how fast, in which order. Verdicts only; nobody is told from here."""

from collections import deque
from typing import Generic, TypeVar

from edge.domain.limits import Verdict, Violation

MESSAGE_BYTES = 128 * 1024
CONTROL_BYTES = 4 * 1024
AUDIO_MIN_BYTES = 100
AUDIO_MAX_BYTES = 32 * 1024
WINDOW_SECONDS = 0.9

T = TypeVar("T")


def audio_flaw(size: int) -> str | None:
    """The error code for a chunk of `size` bytes of s16le, or None when it may pass."""
    if size > AUDIO_MAX_BYTES:
        return "AUDIO_CHUNK_TOO_LARGE"
    if size < AUDIO_MIN_BYTES:
        return "AUDIO_CHUNK_TOO_SMALL"
    return "INVALID_AUDIO_FORMAT" if size % 2 else None


class RateWindow:
    """At most `limit` chunks in any second; what comes beyond is dropped.

    The second is 0.9 s long: a client that sends exactly `limit` a second must not lose any to the network's jitter.
    Nor to its stalls, or ours: what such a client could have sent while nothing came, up to a second's worth, may come
    at once.

    A violation is a run of drops less than a second apart. It is warned of once, after `warn_after` seconds, and ends
    the connection after `close_after`. Keeps `limit` moments.
    """

    def __init__(self, limit: int = 50, warn_after: float = 5.0, close_after: float = 30.0) -> None:
        self._limit = limit
        self._warn_after = warn_after
        self._close_after = close_after
        self._admitted: deque[float] = deque(maxlen=limit)
        self._held_up = 0.0  # Chunks that may be on their way still; below zero: came early.
        self._looked_at = float("inf")
        self._violation = Violation()
        self._warned = False
        self.dropped = 0

    def take(self, now: float) -> Verdict:
        since = max(0.0, now - self._looked_at)
        self._held_up = min(self._limit, self._held_up + since * self._limit / WINDOW_SECONDS)
        self._looked_at = now
        room = len(self._admitted) < self._limit or now - self._admitted[0] >= WINDOW_SECONDS
        if room or self._held_up >= 1.0:
            self._held_up -= 1.0
            self._admitted.append(now)
            return Verdict.ADMIT
        return self._drop(now)

    def _drop(self, now: float) -> Verdict:
        self.dropped += 1
        lasting = self._violation.note(now)
        if lasting == 0.0:
            self._warned = False
        if lasting >= self._close_after:
            return Verdict.CLOSE
        if lasting >= self._warn_after and not self._warned:
            self._warned = True
            return Verdict.WARN
        return Verdict.DROP


class Reorder(Generic[T]):
    """Puts numbered items back in order, waiting at most `patience` seconds for one that is missing.

    The first number seen is where counting starts. Repeated and late numbers are dropped. Items without a number pass
    in arrival order, after everything that waits. Full (`size` items wait): the gap is given up.

    A client may begin to number anew. It has when a number is more than `size` behind, which no swap explains, or when
    nothing but late numbers has come for `patience` seconds.
    """

    def __init__(self, patience: float = 2.0, size: int = 100) -> None:
        self._patience = patience
        self._size = size
        self._next: int | None = None
        self._waiting: dict[int, T] = {}
        self._gap_since: float | None = None
        self._late_since: float | None = None
        self.dropped = 0

    def receive(self, seq: int | None, item: T, now: float) -> list[T]:
        if seq is None:
            return [*self.finish(), item]
        if self._next is None:
            self._next = seq
        before: list[T] = []
        if seq < self._next and self._anew(seq, self._next, now):
            before, self._next = self.finish(), seq
        if seq < self._next or seq in self._waiting:
            self.dropped += 1
            return before
        self._late_since = None
        self._waiting[seq] = item
        ready = self._run()
        if not self._waiting:
            self._gap_since = None
        elif ready or self._gap_since is None:
            self._gap_since = now
        return before + ready + (self._skip(now) if len(self._waiting) >= self._size else [])

    def tick(self, now: float) -> list[T]:
        """Call at `deadline()`: what waited behind the gap, up to the next one."""
        due = self.deadline()
        return self._skip(now) if due is not None and now >= due else []

    def deadline(self) -> float | None:
        return None if self._gap_since is None else self._gap_since + self._patience

    def finish(self) -> list[T]:
        """Everything that waits, in order; counting starts anew."""
        ready = [self._waiting[seq] for seq in sorted(self._waiting)]
        self._waiting.clear()
        self._next = self._gap_since = self._late_since = None
        return ready

    def _anew(self, seq: int, expected: int, now: float) -> bool:
        if self._late_since is None:
            self._late_since = now
        return expected - seq > self._size or now - self._late_since >= self._patience

    def _skip(self, now: float) -> list[T]:
        self._next = min(self._waiting)
        ready = self._run()
        self._gap_since = now if self._waiting else None
        return ready

    def _run(self) -> list[T]:
        ready = []
        while self._next is not None and self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._next += 1
        return ready
