"""A WebSocket client that obeys nobody: any opcode, any bytes, fragments, reserved bits."""

import asyncio
import base64
import os
import socket as sockets
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame of the server. `closes`: the code of a close frame; 0 when it is none."""

    opcode: int
    payload: bytes

    @property
    def closes(self) -> int:
        return int.from_bytes(self.payload[:2], "big") if self.opcode == CLOSE else 0


@dataclass(slots=True)
class RawSocket:
    """An open connection. `status`: of the answer to the handshake; 101 when it is a WebSocket now."""

    status: int
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int, target: bytes, *headers: bytes, receive_buffer: int = 0) -> "RawSocket":
        """`GET target` at this machine's `port`, as bytes: nothing is escaped or checked. `receive_buffer`: bytes that
        the kernel may take before they are read; 0 leaves that to it."""
        raw = sockets.socket()
        raw.setblocking(False)
        if receive_buffer:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=raw)
        key = base64.b64encode(os.urandom(16))
        lines = [
            b"GET " + target + b" HTTP/1.1",
            b"Host: localhost",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + key,
            *headers,
        ]
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length)) if length else b""
        return cls(status, body, reader, writer)

    def send(self, opcode: int, payload: bytes, *, fin: bool = True, reserved: int = 0) -> None:
        """One frame, masked as a client's must be."""
        mask = b"\x37\xfa\x21\x3d"
        first = (0x80 if fin else 0) | (reserved << 4) | opcode
        size = len(payload)
        if size < 126:
            header = bytes([first, 0x80 | size])
        elif size < 1 << 16:
            header = bytes([first, 0x80 | 126]) + size.to_bytes(2, "big")
        else:
            header = bytes([first, 0x80 | 127]) + size.to_bytes(8, "big")
        pattern = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        masked = (int.from_bytes(payload, "big") ^ pattern).to_bytes(size, "big")
        self.writer.write(header + mask + masked)

    def send_in_parts(self, opcode: int, payload: bytes, parts: int) -> None:
        """The payload in several frames, with a ping between them, as RFC 6455 allows."""
        step = max(1, len(payload) // parts)
        pieces = [payload[start : start + step] for start in range(0, len(payload), step)] or [b""]
        for number, piece in enumerate(pieces):
            self.send(opcode if number == 0 else CONTINUATION, piece, fin=number == len(pieces) - 1)
            if number < len(pieces) - 1:
                self.send(PING, b"between")

    async def frame(self) -> RawFrame:
        """The next frame. Raises IncompleteReadError when the connection is gone."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
        return RawFrame(first & 0x0F, await self.reader.readexactly(size))

    async def handled(self, mark: bytes) -> tuple[list[bytes], int]:
        """Waits until everything that was sent is dealt with: the texts that came meanwhile, and a close code or 0."""
        self.send(PING, mark)
        texts = []
        try:
            await self.writer.drain()
            while True:
                frame = await self.frame()
                if frame.opcode == TEXT:
                    texts.append(frame.payload)
                elif frame.opcode == CLOSE:
                    return texts, frame.closes or 1005
                elif frame.opcode == PONG and frame.payload == mark:
                    return texts, 0
        except (asyncio.IncompleteReadError, ConnectionError):
            return texts, 1006

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()
