"""Amazon's event-stream frames, as its servers read and write them: lengths, typed headers, payload, two checksums.

Written from AWS's description ("Event stream encoding"), not with the parsers that read it on our side.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zlib import crc32

Value = bool | int | bytes | str | datetime

_LONGEST: Final = 24 * 1024 * 1024
_INTEGERS: Final = {2: ">b", 3: ">h", 4: ">i", 5: ">q"}


class MalformedFrame(Exception):
    """Bytes that are no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. `encoded`: each header's own bytes, by name, which signatures cover."""

    headers: Mapping[str, Value]
    payload: bytes
    encoded: Mapping[str, bytes]


def encode(headers: Mapping[str, Value], payload: bytes = b"") -> bytes:
    """A frame's bytes."""
    packed = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    message = prelude + struct.pack(">I", crc32(prelude)) + packed + payload
    return message + struct.pack(">I", crc32(message))


class Decoder:
    """Frames out of bytes that come in pieces. What waits is bounded by the longest frame."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are whole now. Raises MalformedFrame."""
        self._bytes += data
        while len(self._bytes) >= 12:
            total, headers_length, checksum = struct.unpack_from(">III", self._bytes)
            if crc32(self._bytes[:8]) != checksum or not 16 + headers_length <= total <= _LONGEST:
                raise MalformedFrame("a prelude's checksum or lengths are wrong")
            if len(self._bytes) < total:
                return
            frame = bytes(self._bytes[:total])
            del self._bytes[:total]
            if crc32(frame[:-4]) != struct.unpack(">I", frame[-4:])[0]:
                raise MalformedFrame("a message's checksum is wrong")
            encoded = dict(_headers(frame[12 : 12 + headers_length]))
            values = {name: value for name, (value, _) in encoded.items()}
            yield Frame(values, frame[12 + headers_length : -4], {name: raw for name, (_, raw) in encoded.items()})


def _header(name: str, value: Value) -> bytes:
    spelled = name.encode()
    key = bytes([len(spelled)]) + spelled
    match value:
        case bool():
            return key + bytes([0 if value else 1])
        case int():
            return key + struct.pack(">Bi", 4, value)
        case bytes():
            return key + struct.pack(">BH", 6, len(value)) + value
        case str():
            return key + struct.pack(">BH", 7, len(value.encode())) + value.encode()
        case datetime():
            return key + struct.pack(">Bq", 8, round(value.timestamp() * 1000))


def _headers(data: bytes) -> Iterator[tuple[str, tuple[Value, bytes]]]:
    position = 0
    try:
        while position < len(data):
            began = position
            name_end = position + 1 + data[position]
            name, kind = data[position + 1 : name_end].decode(), data[name_end]
            value, position = _value(kind, data, name_end + 1)
            yield name, (value, data[began:position])
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise MalformedFrame("a header is cut off or not of UTF-8") from error


def _value(kind: int, data: bytes, position: int) -> tuple[Value, int]:
    if kind in (0, 1):
        return kind == 0, position
    if kind in _INTEGERS:
        return struct.unpack_from(_INTEGERS[kind], data, position)[0], position + struct.calcsize(_INTEGERS[kind])
    if kind in (6, 7):
        (length,) = struct.unpack_from(">H", data, position)
        raw = data[position + 2 : position + 2 + length]
        return raw if kind == 6 else raw.decode(), position + 2 + length
    if kind == 8:
        (milliseconds,) = struct.unpack_from(">q", data, position)
        return datetime.fromtimestamp(milliseconds / 1000, UTC), position + 8
    raise MalformedFrame(f"a header is of type {kind}")
