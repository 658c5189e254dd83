"""What waits to be sent to other edges, and what goes when it cannot be. Pure; times are monotonic seconds."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parting:
    """A message under way to a subject. `due`: of no use to anybody later."""

    subject: str
    data: bytes
    reply: str
    due: float


class Outgoing:
    """A queue in order. Holds at most `limit_bytes`. Full: the oldest go."""

    def __init__(self, limit_bytes: int = 16 * 1024 * 1024) -> None:
        self._limit_bytes = limit_bytes
        self._waiting: deque[Parting] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, parting: Parting) -> int:
        """Returns how many had to go."""
        self._waiting.append(parting)
        self._bytes += _size(parting)
        gone = 0
        while self._bytes > self._limit_bytes:
            self._bytes -= _size(self._waiting.popleft())
            gone += 1
        return gone

    def take(self, now: float) -> tuple[Parting | None, int]:
        """The next to be sent, None if there is none, and how many before it were too late."""
        late = 0
        while self._waiting:
            parting = self._waiting.popleft()
            self._bytes -= _size(parting)
            if parting.due >= now:
                return parting, late
            late += 1
        return None, late


def _size(parting: Parting) -> int:
    # With what the objects themselves take.
    return len(parting.data) + 200
