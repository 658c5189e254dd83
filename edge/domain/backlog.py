"""Audio between the speaker's socket and the recogniser: what waits, and what may have to be said again."""

from collections import deque

from chassis.pcm import SAMPLE_RATE
from edge.domain.speaker import MOST_BYTES, Chunk


class Backlog:
    """Chunks in order, those that wait and those taken but not yet confirmed by a final.

    Each part holds at most `limit` seconds. Full: the oldest chunk goes, from the waiting part counted in
    `dropped_seconds`. After a loss `rewind` lets the unconfirmed be taken again, so that the sentence under way is
    recognised as a whole; confirmed audio never comes twice.
    """

    def __init__(self, limit: float = 5.0) -> None:
        self._limit = limit
        self._waiting: deque[Chunk] = deque()
        self._taken: deque[Chunk] = deque()
        self._waiting_seconds = 0.0
        self._taken_seconds = 0.0
        self.dropped_chunks = 0
        self.dropped_seconds = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def seconds(self) -> float:
        """How much audio waits."""
        return self._waiting_seconds

    def put(self, chunk: Chunk) -> int:
        """Adds the newest chunk; returns how many old ones had to go."""
        self._waiting.append(chunk)
        self._waiting_seconds += chunk.seconds
        return self._shed()

    def take(self) -> Chunk | None:
        """The oldest that waits, and as much of what follows it directly as makes a chunk of the largest size: each
        message costs alike, so whoever has fallen behind catches up."""
        if not self._waiting:
            return None
        chunk = self._waiting.popleft()
        if self._waiting:
            chunk = self._joined(chunk)
        self._waiting_seconds -= chunk.seconds
        self._taken.append(chunk)
        self._taken_seconds += chunk.seconds
        while self._taken_seconds > self._limit:
            self._taken_seconds -= self._taken.popleft().seconds
        return chunk

    def confirm(self, end: float) -> None:
        """What was spoken before the offset `end` is recognised for good."""
        while self._taken and self._taken[0].end <= end:
            self._taken_seconds -= self._taken.popleft().seconds

    def rewind(self) -> int:
        """Puts the unconfirmed back in front; returns how many chunks had to go to keep the limit."""
        self._waiting.extendleft(reversed(self._taken))
        self._waiting_seconds += self._taken_seconds
        self._taken.clear()
        self._taken_seconds = 0.0
        return self._shed()

    def _joined(self, first: Chunk) -> Chunk:
        parts, size, end = [first.audio], len(first.audio), first.end
        while self._waiting:
            following = self._waiting[0]
            size += len(following.audio)
            if size > MOST_BYTES or abs(following.start - end) > 1 / SAMPLE_RATE:
                break
            parts.append(following.audio)
            end = following.end
            self._waiting.popleft()
        return Chunk(b"".join(parts), first.start, first.received_at)

    def _shed(self) -> int:
        before = self.dropped_chunks
        # A hair of tolerance: sums of floats are not exact.
        while self._waiting_seconds > self._limit + 1e-6:
            gone = self._waiting.popleft()
            self._waiting_seconds -= gone.seconds
            self.dropped_chunks += 1
            self.dropped_seconds += gone.seconds
        return self.dropped_chunks - before
