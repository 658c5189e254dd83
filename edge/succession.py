"""Two sockets of one speaker during a refresh: the second goes on where the first has ended.

What a client sent on the first socket may arrive after the first chunk on the second: they travel on two connections.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from edge.socket import Socket

QUIET_SECONDS: Final = 0.5
"""Nothing came on the former socket for so long: nothing more was sent on it."""

LONGEST_SECONDS: Final = 2.0
MOST_WAITING: Final = 200
"""Chunks that wait on the second socket: two seconds as fast as they may come. More, and it goes on at once."""

Waiting = list[tuple[bytes, float]]


class Succession:
    """Ends when the former socket is quiet or gone, or after LONGEST_SECONDS. `over` is then called, once, with what
    waited: audio and when it came (wall clock)."""

    def __init__(self, former: Socket, over: Callable[[Waiting], None]) -> None:
        self.former = former
        self._over: Callable[[Waiting], None] | None = over
        self._waiting: Waiting = []
        loop = asyncio.get_running_loop()
        self._quiet = loop.call_later(QUIET_SECONDS, self.finish)
        self._longest = loop.call_later(LONGEST_SECONDS, self.finish)

    def admits(self, audio: bytes, received_at: float, socket: Socket) -> bool:
        """True for what came on the former socket; what came on another waits."""
        if socket is self.former:
            self._quiet.cancel()
            self._quiet = asyncio.get_running_loop().call_later(QUIET_SECONDS, self.finish)
            return True
        self._waiting.append((audio, received_at))
        if len(self._waiting) > MOST_WAITING:
            self.finish()
        return False

    def finish(self) -> None:
        """Nothing more comes on the former socket. Repeating it changes nothing."""
        self._quiet.cancel()
        self._longest.cancel()
        over, self._over = self._over, None
        if over is not None:
            over(self._waiting)
