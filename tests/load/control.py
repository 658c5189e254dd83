"""How the load servers written in Python are told what to publish; the others understand the same lines.

A server says `{"port": …}` once it listens, obeys lines on stdin (`publish <feeds> <frames> <at once> <microseconds>
<bytes>`), answers each with a line of JSON, and ends when stdin does. A frame begins with a stamp (websocket.h).
"""

import asyncio
import json
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic_ns, perf_counter, process_time
from typing import Any, Final, TypeAlias

STAMP: Final = struct.Struct("<IIQQ")
MAGIC: Final = 0x5453414C

Tick: TypeAlias = Sequence[tuple[int, bytes]]
"""Frames to be published at once: number of the feed, payload."""


@dataclass(frozen=True, slots=True)
class Order:
    """To each of the first `feeds` so many frames of `size` bytes, `at_once` of them every `interval` seconds."""

    frames: int
    interval: float
    feeds: int = 1
    at_once: int = 1
    size: int = 3_200

    @classmethod
    def read(cls, line: str) -> "Order":
        """The inverse of `written`. Raises ValueError."""
        word, feeds, frames, at_once, microseconds, size = line.split()
        if word != "publish":
            raise ValueError(f"not understood: {line}")
        return cls(int(frames), int(microseconds) / 1e6, int(feeds), int(at_once), int(size))

    def written(self) -> str:
        return f"publish {self.feeds} {self.frames} {self.at_once} {round(self.interval * 1e6)} {self.size}"

    @property
    def ticks(self) -> int:
        return -(-self.frames // self.at_once)

    @property
    def seconds(self) -> float:
        """How long it takes a server that keeps up."""
        return self.ticks * self.interval


def announce(port: int, **more: object) -> None:
    """What whoever started this server waits for."""
    _say({"port": port, **more})


async def obey(publish: Callable[[Tick], Awaitable[object]], *, done: Callable[[], object] = lambda: None) -> None:
    """Publishes as told, until stdin ends. `done`: after each order."""
    numbers: Counter[int] = Counter()
    async for line in _lines():
        order = Order.read(line)
        filler = bytes(range(256)) * (order.size // 256 + 1)
        began, used = perf_counter(), process_time()
        for tick in range(order.ticks):
            await asyncio.sleep(max(0.0, began + tick * order.interval - perf_counter()))
            frames = min(order.at_once, order.frames - tick * order.at_once)
            await publish(
                [(feed, _frame(numbers, feed, filler, order)) for _ in range(frames) for feed in range(order.feeds)]
            )
        done()
        _say({"seconds": perf_counter() - began, "cpu": process_time() - used})


def _frame(numbers: Counter[int], feed: int, filler: bytes, order: Order) -> bytes:
    numbers[feed] += 1
    return STAMP.pack(MAGIC, feed, numbers[feed], monotonic_ns()) + filler[: order.size - STAMP.size]


async def _lines() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode()


def _say(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)
