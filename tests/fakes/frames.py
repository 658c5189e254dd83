"""Reads what a server wrote to a WebSocket, with a parser that shares no code with it."""

from dataclasses import dataclass
from typing import TypeAlias

from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from tests.fakes.raw_socket import CLOSE, PING

_MARK = b"the end of what was written"


@dataclass(frozen=True, slots=True)
class Closed:
    """A close frame."""

    code: int


@dataclass(frozen=True, slots=True)
class Ponged:
    """An answer to a ping."""

    payload: bytes


Read: TypeAlias = str | bytes | Closed | Ponged


def read_frames(wire: bytes) -> list[Read]:
    """The messages, pongs and the close frame in `wire`, all that was written after the handshake.

    Raises ParseFailed or AssertionError where these are not whole frames, fit for a client, one after the other, each a
    whole message, and nothing after a close frame.
    """
    reader = Connection(ConnectionType.CLIENT)
    reader.receive_data(bytes(wire))
    # Found by the parser only if everything before it was a whole frame.
    reader.receive_data(bytes([0x80 | PING, len(_MARK)]) + _MARK)
    found: list[Read] = []
    for event in reader.events():
        match event:
            case TextMessage() | BytesMessage():
                assert event.message_finished
                found.append(event.data if isinstance(event, TextMessage) else bytes(event.data))
            case Pong():
                found.append(Ponged(bytes(event.payload)))
            case CloseConnection():
                payload = int(event.code).to_bytes(2, "big") + (event.reason or "").encode()
                assert wire.endswith(bytes([0x80 | CLOSE, len(payload)]) + payload), "something follows the close frame"
                return [*found, Closed(int(event.code))]
            case Ping(payload=payload):
                assert payload == _MARK
                return found
    raise AssertionError("the last frame is not whole")
