"""A connection to a peer, by hand: the peer reads when it is told to."""

import asyncio
import math
from collections.abc import Callable


class FakeTransport(asyncio.Transport):
    """Gives the peer at once what there is `room` for (bytes), and holds the rest until the peer reads.

    `deferred`: nothing goes before the present tick is over, as with uvloop. What the peer has got is `taken`.
    """

    def __init__(self, room: float = math.inf, *, deferred: bool = False) -> None:
        super().__init__()
        self.taken = bytearray()
        self.aborted = False
        self.writes = 0
        self._room = room
        self._deferred = deferred
        self._held = bytearray()
        self._closing = False
        self._flow_handle: asyncio.Handle | None = None
        self._lost: Callable[[], None] = lambda: None

    def when_lost(self, act: Callable[[], None]) -> None:
        """Does it when the connection is over."""
        self._lost = act

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """To an open connection with nothing held, as we want it."""
        # Both of the real ones complain of this, one of them by raising.
        assert not self._closing, "written to a connection that is closing"
        # What is held here nobody can drop any more.
        assert not self._held, "written to a peer that has not taken what was written before"
        self.writes += 1
        self.append(bytes(data))

    def append(self, data: bytes) -> None:
        """As aiohttp writes its own frames: however much is held."""
        self._held += data
        if not self._deferred:
            self._flow()
        elif self._flow_handle is None:
            self._flow_handle = asyncio.get_running_loop().call_soon(self._flow)

    def get_write_buffer_size(self) -> int:
        return len(self._held)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True
        self._flow()

    def abort(self) -> None:
        if not self._closing or self._held:
            self.aborted = self._closing = True
            self._held.clear()
            self._lost()

    def read(self, room: float = math.inf) -> None:
        """The peer reads `room` bytes more than it has."""
        self._room += room
        self._flow()

    def stall(self) -> None:
        """The peer reads nothing any more."""
        self._room = 0

    def _flow(self) -> None:
        self._flow_handle = None
        count = int(min(self._room, len(self._held)))
        self.taken += self._held[:count]
        del self._held[:count]
        self._room -= count
        if self._closing and not self._held:
            self._lost()
