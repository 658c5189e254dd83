"""When what belongs to sockets is taken out of the garbage collector's sight, and when it is looked at again.

A full collection stops the process for the longer the more objects there are, 100 ms and more with thousands of
sockets, and Python makes one whenever there are a quarter more than at the last. What sockets hold lives for long, so
it is frozen: no collection looks at it. What is left behind in cycles by sockets that closed then stays as well, until
all is thawed and looked at once.
"""

from enum import Enum
from typing import Final

BATCH: Final = 200
"""Sockets that opened since the last freeze: what they hold is looked at in some milliseconds, a last time."""

LEFT: Final = 300
"""Sockets that closed since the last thaw: fewer are not worth one. Each leaves some 40 KB behind."""

PATIENCE: Final = 4
"""How many times more than are there may have left before a thaw no longer waits for a quiet moment."""


class Move(Enum):
    """What is to be done with all objects of the process."""

    FREEZE = "freeze"
    THAW = "thaw"  # Collect, and freeze what is left.


class Freezing:
    """`batch`, `left`: as BATCH and LEFT.

    A thaw costs what is there, and frees what has left: it comes when as many have left as are there, in a moment in
    which nothing is fanned out if one comes in time.
    """

    def __init__(self, batch: int = BATCH, left: int = LEFT) -> None:
        self._batch = batch
        self._left = left
        self._frozen_at = 0
        self._thawed_at = 0

    def tick(self, opened: int, present: int, *, quiet: bool) -> Move | None:
        """`opened`: sockets so far, all told; `present`: those of them that are open."""
        closed = opened - present
        enough = max(self._left, present)
        left = closed - self._thawed_at
        if left >= enough and (quiet or left >= PATIENCE * enough):
            self._thawed_at, self._frozen_at = closed, opened
            return Move.THAW
        if opened - self._frozen_at >= self._batch:
            self._frozen_at = opened
            return Move.FREEZE
        return None
