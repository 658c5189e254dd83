"""Many speakers in a process of their own: `python -m tests.bench.talkers`, told what to do by JSON on standard input.

Each opens a session and sends frames at their pace, all of them evenly spread over time, until the input ends. A frame
is ready but for its stamp, and its mask changes nothing, so that what is measured is the server. Prints a line when all
speak, and one of JSON at the end.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from time import process_time

import uvloop

from tests.bench.crowd import Socket, opened
from tests.bench.receipts import STAMP

AT_ONCE = 5
"""Sessions that are being opened at a time."""

READY = "all speak"


@dataclass(frozen=True)
class Task:
    """What to do. `tokens`: one for each speaker. `frame_bytes`, `frame_seconds`: of each frame."""

    url: str
    tokens: list[str]
    frame_bytes: int
    frame_seconds: float


@dataclass
class Sent:
    """What was done. `late`: seconds after its moment at which each frame was written. `lost`: sockets that the server
    closed."""

    frames: int = 0
    late: list[float] = field(default_factory=list)
    processor_seconds: float = 0.0
    lost: int = 0


async def main() -> None:
    task = Task(**json.loads(await asyncio.to_thread(sys.stdin.readline)))
    sockets = await let_in(task)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(until_told(stop))
        sent = await talk(sockets, task, stop)
    for socket in sockets:
        sent.lost += socket.closed.is_set()
        socket.send(action="endSession")
    async with asyncio.timeout(60):
        for socket in sockets:
            await socket.closed.wait()
    sent.processor_seconds = process_time()
    print(json.dumps(asdict(sent)), flush=True)


async def let_in(task: Task) -> list[Socket]:
    """A socket for each token, of a session of its own."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(token: str) -> Socket:
        async with gate:
            socket, _ = await opened(
                task.url, b'"sessionCreated"', action="createSession", sourceLanguage="en", token=token
            )
            return socket

    async with asyncio.TaskGroup() as tasks:
        opening = [tasks.create_task(one(token)) for token in task.tokens]
    return [each.result() for each in opening]


async def until_told(stop: asyncio.Event) -> None:
    """Until standard input ends."""
    while await asyncio.to_thread(sys.stdin.readline):
        pass
    stop.set()


async def talk(sockets: list[Socket], task: Task, stop: asyncio.Event) -> Sent:
    """Speaks until `stop`, the same number of frames on each socket."""
    sent = Sent()
    head = bytes([0x82, 0xFE]) + task.frame_bytes.to_bytes(2) + bytes(4)  # Binary, masked with zeros.
    body = bytes(range(1, 251)) * (task.frame_bytes // 250 + 1)
    body = body[: task.frame_bytes - STAMP.size]
    step = task.frame_seconds / len(sockets)
    began, number = time.perf_counter(), 0
    print(READY, flush=True)
    while not (stop.is_set() and number % len(sockets) == 0):
        due = began + number * step
        now = time.perf_counter()
        if due > now or number % len(sockets) == 0:
            await asyncio.sleep(max(0.0, due - now))
            now = time.perf_counter()
        frame = head + STAMP.pack(number // len(sockets), time.time()) + body
        sockets[number % len(sockets)].write(frame)
        sent.late.append(now - due)
        number += 1
    sent.frames = number
    return sent


if __name__ == "__main__":
    uvloop.run(main())
