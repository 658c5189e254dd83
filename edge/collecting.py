"""The garbage collector of an edge with thousands of sockets: `edge.domain.freezing` says when it looks at what."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from edge.domain.freezing import Freezing, Move
from edge.edge import Edge

LOOK_SECONDS: Final = 0.25
"""Between two looks some hundred sockets open, at most."""


async def keep_pauses_short(edge: Edge, freezing: Freezing | None = None) -> None:
    """Runs for ever. For a process that has nothing but this edge: what is frozen is everything there is."""
    freezing = freezing or Freezing()
    published = 0
    with _frozen():
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            quiet = edge.hub.published == published
            published = edge.hub.published
            match freezing.tick(edge.opened, len(edge.sockets), quiet=quiet):
                case Move.FREEZE:
                    _freeze()
                case Move.THAW:
                    gc.unfreeze()
                    _freeze()


@contextmanager
def _frozen() -> Iterator[None]:
    _freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _freeze() -> None:
    gc.collect()  # Of what is not frozen yet: garbage that is frozen stays.
    gc.freeze()
