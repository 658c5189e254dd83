"""Whose turn it is: a bounded number of decodes at once, given in the order in which they were asked for."""

import asyncio
from collections import deque


class Turns:
    """Up to `count` turns at once. Whoever asks waits in line; each asks for one at a time, so it is fair.

    Unlike a semaphore it hands out the future, so that one can wait for a turn or for something else.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[asyncio.Future[None]] = deque()

    def ask(self) -> asyncio.Future[None]:
        """Done when it is one's turn. Cancelled: out of the line."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._free > 0:
            self._free -= 1
            turn.set_result(None)
        else:
            self._line.append(turn)
        return turn

    def give_back(self, turn: asyncio.Future[None]) -> None:
        """Ends a turn, or the wait for one."""
        if not turn.done() or turn.cancelled():
            turn.cancel()
            return
        while self._line:
            following = self._line.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
