"""Hundreds of plain listeners in one process, so light that what is measured is the server.

The least of WebSocket that a client needs: a handshake, masked text frames out, and text frames in, which are told
apart by what their bytes contain. No JSON is parsed while a time is taken.
"""

import asyncio
import base64
import itertools
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

_addresses = itertools.count(1)


class Socket(asyncio.Protocol):
    """One connection. `first` is its first message (or the refusal); `seen` holds when (perf_counter) what was watched
    for came last."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.first = b""
        self.seen: dict[bytes, float] = {}
        self._watched: dict[bytes, Callable[[], None]] = {}
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class.

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head[:20]:
                self.first = rest
                self.hang_up()
                return
            self._upgraded, self._buffer = True, rest
        while (message := self._message()) is not None:
            self.first = self.first or message
            for what, done in tuple(self._watched.items()):
                if what in message:
                    self.seen[what] = perf_counter()
                    del self._watched[what]
                    done()

    def _message(self) -> bytes | None:
        """The next whole text message; None when it is not there yet. The server's frames are neither masked nor
        fragmented."""
        buffer = self._buffer
        if len(buffer) < 4:
            return None
        opcode, size, start = buffer[0] & 15, buffer[1], 2
        if size == 126:
            size, start = int.from_bytes(buffer[2:4]), 4
        elif size == 127:
            size, start = int.from_bytes(buffer[2:10]), 10
        if len(buffer) < start + size:
            return None
        payload, self._buffer = buffer[start : start + size], buffer[start + size :]
        if opcode in (8, 9):
            # Close is answered by close, ping by pong.
            self.write(frame(8 if opcode == 8 else 10, payload))
        return payload if opcode == 1 else b""

    def connection_lost(self, _: Exception | None) -> None:
        for done in tuple(self._watched.values()):
            done()
        self.closed.set()

    def watch(self, what: bytes, done: Callable[[], None]) -> None:
        """Calls back once, when the bytes have come or the connection is lost."""
        self.seen.pop(what, None)
        self._watched[what] = done
        if self.closed.is_set():
            done()

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def hang_up(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def send(self, **message: object) -> None:
        self.write(frame(1, json.dumps(message).encode()))

    def leave(self) -> None:
        """Closes as a client should."""
        self.write(frame(8, (1000).to_bytes(2)))

    @property
    def welcome(self) -> dict[str, Any]:
        """The first message."""
        message: dict[str, Any] = json.loads(self.first)
        return message


def frame(opcode: int, payload: bytes) -> bytes:
    """A frame of a client: masked, with a mask that changes nothing."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2)
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


async def opened(url: str, welcome: bytes, **query: str) -> tuple[Socket, float]:
    """A socket from an address of its own that has been welcomed, and the seconds from its first byte to that.

    Raises ConnectionError.
    """
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    number = next(_addresses)
    request = (
        f"GET /ws?{urlencode(query)} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"X-Forwarded-For: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    start = perf_counter()
    _, socket = await asyncio.get_running_loop().create_connection(Socket, host, port)
    welcomed = asyncio.Event()
    socket.watch(welcome, welcomed.set)
    socket.write(request.encode())
    async with asyncio.timeout(30):
        await welcomed.wait()
    if welcome not in socket.seen:
        raise ConnectionError(f"not let in: {socket.first[:300]!r}")
    return socket, socket.seen[welcome] - start


async def asked(socket: Socket, answer: bytes, **message: object) -> float:
    """Seconds from a message to its answer."""
    (seconds,) = await told([socket], answer, lambda: socket.send(**message))
    return seconds


async def told(sockets: Sequence[Socket], what: bytes, act: Callable[[], None]) -> list[float]:
    """Seconds from `act` until each of the sockets has been told. Raises ConnectionError when one was lost."""
    waiting, all_told = len(sockets), asyncio.Event()

    def done() -> None:
        nonlocal waiting
        waiting -= 1
        if not waiting:
            all_told.set()

    for socket in sockets:
        socket.watch(what, done)
    start = perf_counter()
    act()
    async with asyncio.timeout(30):
        await all_told.wait()
    if any(what not in socket.seen for socket in sockets):
        raise ConnectionError("a listener was lost")
    return [socket.seen[what] - start for socket in sockets]


async def left(sockets: Iterable[Socket]) -> None:
    """Closes them, and waits until the server has closed them too."""
    going = list(sockets)
    for socket in going:
        socket.leave()
    async with asyncio.timeout(30):
        for socket in going:
            await socket.closed.wait()
